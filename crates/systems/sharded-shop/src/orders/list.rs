//! Lists for who looks at all of it: what was ordered, line by line, and how far checkouts are.

use serde_json::{Value, json};
use tokio_postgres::Row;
use uuid::Uuid;

use super::super::primary::{PrimarySession, Transaction};
use crate::service::page::PageRequest;
use crate::service::sessions::DatabaseError;

/// Whole orders, so that a page ends between two of them.
const LINES: &str = "SELECT order_id, sku, quantity, price_cents FROM order_lines \
                     WHERE order_id IN (SELECT id FROM orders WHERE id > $1 ORDER BY id LIMIT $2) \
                     ORDER BY order_id, sku";
const CHECKOUTS: &str = "SELECT id, cart, state FROM checkouts WHERE id > $1 ORDER BY id LIMIT $2";

/// Lines of orders.
pub(super) struct OrderLines(pub(super) PageRequest<Uuid>);

/// Checkouts and their states.
pub(super) struct Checkouts(pub(super) PageRequest<Uuid>);

/// Rows, and what to ask for next.
#[derive(Debug)]
pub(super) struct Page {
    pub(super) rows: Vec<Value>,
    pub(super) next_after: Option<Uuid>,
}

impl Transaction for OrderLines {
    type Answer = Page;
    const BEGIN: &'static str = "BEGIN";

    async fn run(&self, session: &mut PrimarySession) -> Result<Page, DatabaseError> {
        let found = session.rows(LINES, &[&self.0.after, &i64::from(self.0.limit)]).await?;
        let line = |row: &Row| {
            let (id, sku): (Uuid, String) = (row.try_get(0)?, row.try_get(1)?);
            let (quantity, price): (i64, i64) = (row.try_get(2)?, row.try_get(3)?);
            // Each line is a row of its own, and so is its id.
            Ok(json!({
                "line_id": format!("{id}/{sku}"), "order_id": id, "sku": sku,
                "quantity": quantity, "price_cents": price, "status": "ordered",
            }))
        };
        let rows = found.iter().map(line).collect::<Result<Vec<_>, tokio_postgres::Error>>()?;
        let mut ids: Vec<Uuid> = found.iter().map(|row| row.get(0)).collect();
        ids.dedup();
        Ok(Page { rows, next_after: self.0.next(ids.len(), ids.last().copied()) })
    }
}

impl Transaction for Checkouts {
    type Answer = Page;
    const BEGIN: &'static str = "BEGIN";

    async fn run(&self, session: &mut PrimarySession) -> Result<Page, DatabaseError> {
        let found = session.rows(CHECKOUTS, &[&self.0.after, &i64::from(self.0.limit)]).await?;
        let checkout = |row: &Row| {
            let id: Uuid = row.try_get(0)?;
            let (cart, state): (String, String) = (row.try_get(1)?, row.try_get(2)?);
            Ok(json!({ "checkout_id": id, "cart": cart, "state": state }))
        };
        let rows = found.iter().map(checkout).collect::<Result<Vec<_>, tokio_postgres::Error>>()?;
        let ids: Vec<Uuid> = found.iter().map(|row| row.get(0)).collect();
        Ok(Page { rows, next_after: self.0.next(ids.len(), ids.last().copied()) })
    }
}
