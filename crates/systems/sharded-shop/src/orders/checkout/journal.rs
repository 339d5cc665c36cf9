//! Checkouts in the core's database: each step is a transaction that a replica has confirmed.

use axum::http::StatusCode;
use serde_json::{Value, json};
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;
use uuid::Uuid;

use super::super::super::primary::{PrimarySession, Transaction};
use super::draft::Line;
use crate::service::idempotency::IdempotencyKey;
use crate::service::problem::Problem;
use crate::service::sessions::DatabaseError;

const BEGIN: &str = "INSERT INTO checkouts (id, client_key, request_hash, cart, context, lines, \
                     state) VALUES ($1, $2, $3, $4, $5, $6, 'taking') ON CONFLICT DO NOTHING \
                     RETURNING id";
const UNDER_KEY: &str =
    "SELECT id, request_hash, state, refusal FROM checkouts WHERE client_key = $1";
const TO_ORDERED: &str =
    "UPDATE checkouts SET state = 'ordered' WHERE id = $1 AND state = 'taking' RETURNING cart";
const ORDER: &str = "INSERT INTO orders (id, cart, amount_cents, currency) VALUES ($1, $2, $3, $4)";
const ORDER_LINE: &str =
    "INSERT INTO order_lines (order_id, sku, quantity, price_cents) VALUES ($1, $2, $3, $4)";
const OPEN: &str = "SELECT id FROM checkouts \
                    WHERE cart = $1 AND state IN ('taking', 'ordered', 'releasing')";
const STATE: &str = "SELECT state FROM checkouts WHERE id = $1";
const SHOW: &str = "SELECT id, cart, amount_cents, currency, \
                    to_char(created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.MS\"Z\"') \
                    FROM orders WHERE id = $1";
const SHOW_LINES: &str =
    "SELECT sku, quantity, price_cents FROM order_lines WHERE order_id = $1 ORDER BY sku";

/// Only by whom it still belongs to. What is given back leaves its client's key free, unless the
/// client was refused for good.
const MOVE: &str = "UPDATE checkouts SET state = $3, refusal = coalesce($4, refusal), \
                    client_key = CASE WHEN $3 = 'released' AND $4::text IS NULL \
                    AND refusal IS NULL THEN NULL ELSE client_key END \
                    WHERE id = $1 AND state = $2 RETURNING state";
/// In no order: those that cannot be ended would stand before all others for ever.
const ABANDONED: &str = "SELECT id, state, cart, context, lines FROM checkouts \
                         WHERE state = ANY($2) AND state IN ('taking', 'ordered', 'releasing') \
                         AND started_at < now() - make_interval(secs => $1) \
                         ORDER BY random() LIMIT 64";

/// A checkout with its stock not yet taken.
#[derive(Clone, Debug)]
pub(super) struct Begin<'a> {
    pub(super) id: Uuid,
    pub(super) key: Option<&'a IdempotencyKey>,
    pub(super) cart: &'a str,
    pub(super) context: &'a str,
    pub(super) lines: &'a [Line],
}

/// What is on record under a client's key.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Begun {
    New,
    /// It became this order.
    Ordered(Uuid),
    /// It was refused for good.
    Refused(String),
    /// Somebody is at it.
    Open,
    /// Another checkout of this cart has not ended yet.
    CartBusy,
    /// The key was used for something else.
    Other,
    /// Another checkout has seen the same in this cart.
    Twin,
}

impl Transaction for Begin<'_> {
    type Answer = Begun;
    const BEGIN: &'static str = "BEGIN";

    async fn run(&self, session: &mut PrimarySession) -> Result<Begun, DatabaseError> {
        let (key, hash) = match self.key {
            Some(key) => (Some(key.key.as_str()), key.request_hash.as_slice()),
            None => (None, [].as_slice()),
        };
        let lines = serde_json::to_string(self.lines).expect("lines are plain");
        let values: [&(dyn ToSql + Sync); 6] =
            [&self.id, &key, &hash, &self.cart, &self.context, &lines];
        if !session.rows(BEGIN, &values).await?.is_empty() {
            return Ok(Begun::New);
        }
        // It may be ours, from a commit whose answer was lost; or somebody else was faster.
        if !session.rows(STATE, &[&self.id]).await?.is_empty() {
            return Ok(Begun::New);
        }
        if let Some(key) = key
            && let Some(row) = session.rows(UNDER_KEY, &[&key]).await?.first()
        {
            return known(row, hash);
        }
        let is_busy = !session.rows(OPEN, &[&self.cart]).await?.is_empty();
        Ok(if is_busy { Begun::CartBusy } else { Begun::Twin })
    }
}

fn known(row: &Row, hash: &[u8]) -> Result<Begun, DatabaseError> {
    if row.try_get::<_, Vec<u8>>(1)? != hash {
        return Ok(Begun::Other);
    }
    let (state, refusal): (String, Option<String>) = (row.try_get(2)?, row.try_get(3)?);
    Ok(match (state.as_str(), refusal) {
        ("ordered" | "done", _) => Begun::Ordered(row.try_get(0)?),
        (_, Some(refusal)) => Begun::Refused(refusal),
        _ => Begun::Open,
    })
}

/// What is on record under a client's key, before anything is asked of others.
pub(super) struct Known<'a>(pub(super) &'a IdempotencyKey);

impl Transaction for Known<'_> {
    type Answer = Begun;
    const BEGIN: &'static str = "BEGIN";

    async fn run(&self, session: &mut PrimarySession) -> Result<Begun, DatabaseError> {
        let rows = session.rows(UNDER_KEY, &[&self.0.key]).await?;
        rows.first().map_or(Ok(Begun::New), |row| known(row, &self.0.request_hash))
    }
}

/// Makes the order of a checkout that still is this driver's.
pub(super) struct Order<'a> {
    pub(super) id: Uuid,
    pub(super) lines: &'a [Line],
    pub(super) currency: &'a str,
}

impl Transaction for Order<'_> {
    /// Whether there is an order now.
    type Answer = bool;
    const BEGIN: &'static str = "BEGIN ISOLATION LEVEL SERIALIZABLE";

    async fn run(&self, session: &mut PrimarySession) -> Result<bool, DatabaseError> {
        let rows = session.rows(TO_ORDERED, &[&self.id]).await?;
        let Some(row) = rows.first() else {
            // It may be ours, from a commit whose answer was lost.
            let rows = session.rows(STATE, &[&self.id]).await?;
            let state: Option<String> = rows.first().map(|row| row.try_get(0)).transpose()?;
            return Ok(matches!(state.as_deref(), Some("ordered" | "done")));
        };
        let cart: String = row.try_get(0)?;
        let amount: i64 = self.lines.iter().map(|line| line.quantity * line.price_cents).sum();
        session.rows(ORDER, &[&self.id, &cart, &amount, &self.currency]).await?;
        for Line { sku, quantity, price_cents } in self.lines {
            session.rows(ORDER_LINE, &[&self.id, sku, quantity, price_cents]).await?;
        }
        Ok(true)
    }
}

/// Takes a checkout from one state to the next, if it still is in the first one.
pub(super) struct Move<'a> {
    pub(super) id: Uuid,
    pub(super) from: &'static str,
    pub(super) to: &'static str,
    pub(super) refusal: Option<&'a str>,
}

impl Transaction for Move<'_> {
    /// Whether it was.
    type Answer = bool;
    const BEGIN: &'static str = "BEGIN";

    async fn run(&self, session: &mut PrimarySession) -> Result<bool, DatabaseError> {
        let values = session.rows(MOVE, &[&self.id, &self.from, &self.to, &self.refusal]).await?;
        Ok(!values.is_empty())
    }
}

/// A checkout that nobody drives any more.
#[derive(Clone, Debug)]
pub(super) struct Abandoned {
    pub(super) id: Uuid,
    pub(super) state: String,
    pub(super) cart: String,
    pub(super) context: String,
    pub(super) lines: Vec<Line>,
}

/// What an abandoned checkout still needs, and from whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lack {
    /// The inventory has to take its stock back.
    Stock,
    /// The cart has to be told.
    Cart,
}

impl Lack {
    fn states(self) -> &'static [&'static str] {
        match self {
            Self::Stock => &["taking", "releasing"],
            Self::Cart => &["ordered"],
        }
    }
}

/// Some of those that lack this and are open for longer.
pub(super) struct FindAbandoned {
    pub(super) lack: Lack,
    pub(super) seconds: f64,
}

impl Transaction for FindAbandoned {
    type Answer = Vec<Abandoned>;
    const BEGIN: &'static str = "BEGIN";

    async fn run(&self, session: &mut PrimarySession) -> Result<Vec<Abandoned>, DatabaseError> {
        let abandoned = |row: &Row| {
            let lines: String = row.try_get(4)?;
            let lines = serde_json::from_str(&lines)
                .map_err(|error| DatabaseError::Refused(format!("lines of a checkout: {error}")))?;
            let (id, state, cart) = (row.try_get(0)?, row.try_get(1)?, row.try_get(2)?);
            Ok(Abandoned { id, state, cart, context: row.try_get(3)?, lines })
        };
        let values: [&(dyn ToSql + Sync); 2] = [&self.seconds, &self.lack.states()];
        session.rows(ABANDONED, &values).await?.iter().map(abandoned).collect()
    }
}

/// One order as clients see it.
pub(in super::super) struct Show(pub(in super::super) Uuid);

impl Transaction for Show {
    type Answer = Option<Value>;
    const BEGIN: &'static str = "BEGIN ISOLATION LEVEL REPEATABLE READ";

    async fn run(&self, session: &mut PrimarySession) -> Result<Option<Value>, DatabaseError> {
        let rows = session.rows(SHOW, &[&self.0]).await?;
        let Some(row) = rows.first() else { return Ok(None) };
        let line = |row: &Row| {
            let (quantity, price): (i64, i64) = (row.try_get(1)?, row.try_get(2)?);
            let sku: String = row.try_get(0)?;
            Ok(json!({ "sku": sku, "quantity": quantity, "price_cents": price }))
        };
        let lines = session.rows(SHOW_LINES, &[&self.0]).await?;
        let lines = lines.iter().map(line).collect::<Result<Vec<_>, tokio_postgres::Error>>()?;
        let (id, cart): (Uuid, String) = (row.try_get(0)?, row.try_get(1)?);
        let (amount, currency): (i64, String) = (row.try_get(2)?, row.try_get(3)?);
        let created_at: String = row.try_get(4)?;
        Ok(Some(json!({
            "order_id": id, "cart": cart, "lines": lines, "amount_cents": amount,
            "currency": currency, "created_at": created_at,
        })))
    }
}

/// The order, if there is one.
pub(in super::super) fn shown(found: Option<Value>) -> Result<Value, Problem> {
    found.ok_or_else(|| Problem::not_found("there is no order with this id"))
}

/// The answer while somebody is at it.
pub(super) fn in_progress() -> Problem {
    let title = "This checkout is under way";
    let detail = "ask again with the same Idempotency-Key";
    Problem::new(StatusCode::CONFLICT, "in-progress", title, detail).with_header("retry-after", "1")
}

/// The answer while another checkout of the cart is under way: soon the cart shows what is left.
pub(super) fn cart_busy() -> Problem {
    let title = "Another checkout of this cart is under way";
    let detail = "nothing was ordered; look at the cart again in a moment";
    Problem::new(StatusCode::CONFLICT, "cart-busy", title, detail).with_header("retry-after", "1")
}

/// The answer to whoever has seen what another checkout has seen.
pub(super) fn ordered_already() -> Problem {
    let title = "This cart is ordered already";
    let detail = "another checkout has seen the same in this cart; look at the cart again";
    Problem::new(StatusCode::CONFLICT, "ordered-already", title, detail)
}
