//! One product: what is shown of it, its price, and deliveries.

use serde::Serialize;
use standfast_tactics::deadline::Deadline;
use tokio_postgres::Row;

use super::super::primary::PrimarySession;
use super::super::routing::{Router, ShardWork, fingerprint};
use crate::service::problem::Problem;
use crate::service::sessions::{DatabaseError, Session};

/// Reads are not refused by a shard that does not own the slot, so it is asked for in the same
/// snapshot. A row comes in any case.
const SHOW: &str = "SELECT reshard.is_here($1), p.sku, p.title, p.price_cents, p.currency, \
                    p.stock, p.version FROM (SELECT 1) AS one LEFT JOIN products p \
                    ON p.slot = $1 AND p.sku = $2";

const CHANGE: &str = "SELECT fingerprint, sku, title, price_cents, currency, stock, version \
                      FROM change_product($1, $2, $3, $4, $5, $6)";

/// A change, so that its commit waits for a replica: what was shown before is on two servers, and
/// who confirms was the primary until then.
const CONFIRM: &str = "SELECT pg_logical_emit_message(true, 'read', '')";

/// A product as clients see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Product {
    sku: String,
    title: String,
    price_cents: i64,
    currency: String,
    stock: i64,
    version: i64,
}

impl Product {
    fn of(row: &Row) -> Result<Self, DatabaseError> {
        Ok(Self {
            sku: row.try_get(1)?,
            title: row.try_get(2)?,
            price_cents: row.try_get(3)?,
            currency: row.try_get(4)?,
            stock: row.try_get(5)?,
            version: row.try_get(6)?,
        })
    }
}

struct Show<'a> {
    slot: i32,
    sku: &'a str,
}

impl ShardWork for Show<'_> {
    type Answer = Option<Product>;
    const CHANGES: bool = false;

    async fn run(&self, session: &mut PrimarySession) -> Result<Option<Product>, DatabaseError> {
        let rows = session.rows(SHOW, &[&self.slot, &self.sku]).await?;
        let row = rows.first().ok_or_else(|| DatabaseError::Refused("no row".to_owned()))?;
        if !row.try_get::<_, bool>(0)? {
            return Err(DatabaseError::Elsewhere(format!("slot {}", self.slot)));
        }
        session.run(CONFIRM).await?;
        let is_there = row.try_get::<_, Option<&str>>(1)?.is_some();
        is_there.then(|| Product::of(row)).transpose()
    }
}

/// The product as it is now: nobody was shown, or told, something newer before this was asked for.
pub(super) async fn show(
    router: &Router,
    sku: &str,
    deadline: Deadline,
) -> Result<Product, Problem> {
    router.at_owner(sku, deadline, |slot| Show { slot, sku }).await?.ok_or_else(none)
}

/// What can be changed about a product, but for taking of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ProductChange {
    Price { cents: i64 },
    Delivery { quantity: i64 },
}

struct Change<'a> {
    slot: i32,
    sku: &'a str,
    key: &'a str,
    fingerprint: i64,
    change: ProductChange,
}

impl ShardWork for Change<'_> {
    type Answer = Option<(i64, Product)>;
    const CHANGES: bool = true;

    async fn run(&self, session: &mut PrimarySession) -> Result<Self::Answer, DatabaseError> {
        let (price, delivered) = match self.change {
            ProductChange::Price { cents } => (Some(cents), None),
            ProductChange::Delivery { quantity } => (None, Some(quantity)),
        };
        let rows = session
            .rows(
                CHANGE,
                &[&self.slot, &self.sku, &self.key, &self.fingerprint, &price, &delivered],
            )
            .await?;
        rows.first().map(|row| Ok((row.try_get(0)?, Product::of(row)?))).transpose()
    }
}

/// Changes the product once for `key`; answers what it was then.
pub(super) async fn change(
    router: &Router,
    sku: &str,
    key: &str,
    change: ProductChange,
    deadline: Deadline,
) -> Result<Product, Problem> {
    let fingerprint = fingerprint([format!("{change:?}").as_str()]);
    let make = |slot| Change { slot, sku, key, fingerprint, change };
    let (stored, product) = router.at_owner(sku, deadline, make).await?.ok_or_else(none)?;
    if stored != fingerprint {
        return Err(Problem::unprocessable("the Idempotency-Key was used for something else"));
    }
    Ok(product)
}

fn none() -> Problem {
    Problem::not_found("there is no product with this sku")
}
