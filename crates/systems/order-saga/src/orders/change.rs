//! Makes an order, and cancels it.

use axum::http::StatusCode;
use serde_json::json;
use uuid::Uuid;

use super::super::step::{Effect, Reply};
use super::draft::OrderDraft;
use super::lookup::OrderView;
use crate::service::sessions::{DatabaseError, PostgresSession};

const CREATE: &str = "INSERT INTO orders (id, product_id, quantity, customer, amount_cents, \
                      currency, client_key, client_hash) VALUES ($1, $2, $3, $4, $5, $6, $7, $8) \
                      ON CONFLICT DO NOTHING \
                      RETURNING id, product_id, quantity, customer, amount_cents, currency, \
                      status, created_at";
/// Of a key that is taken: by whom, and whether for the same.
const TAKEN: &str = "SELECT id, client_hash IS NOT DISTINCT FROM $2 FROM orders \
                     WHERE client_key = $1";
/// The client's key becomes free: it has led to no order.
const CANCEL: &str =
    "UPDATE orders SET status = 'cancelled', client_key = NULL WHERE id = $1 RETURNING id";

/// What a step does to orders.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Change {
    /// Taken back by cancelling it.
    Create(OrderDraft),
    /// Takes a creation back. There is no cancellation of its own: it would leave the stock taken.
    Cancel(Uuid),
}

impl Change {
    async fn create(
        draft: &OrderDraft,
        session: &mut PostgresSession,
    ) -> Result<Reply, DatabaseError> {
        let quantity = i32::try_from(draft.quantity).unwrap_or(i32::MAX);
        let rows = session
            .rows(
                CREATE,
                &[
                    &draft.order_id,
                    &draft.product_id,
                    &quantity,
                    &draft.customer,
                    &draft.amount_cents,
                    &draft.currency,
                    &draft.client_key,
                    &draft.client_hash,
                ],
            )
            .await?;
        if let Some(row) = rows.first() {
            let order = serde_json::to_value(OrderView::of_row(row)?);
            let order = order.expect("a view is plain");
            return Ok(Reply::new(StatusCode::CREATED, &order));
        }
        let taken = session.rows(TAKEN, &[&draft.client_key, &draft.client_hash]).await?;
        let Some(row) = taken.first() else {
            let detail = "another order has this id";
            return Ok(Reply::declined(StatusCode::CONFLICT, detail, json!({})));
        };
        let (other, is_same): (Uuid, bool) = (row.try_get(0)?, row.try_get(1)?);
        let detail = "there is an order under this client's key";
        let more = json!({ "duplicate_of": other, "is_same": is_same });
        Ok(Reply::declined(StatusCode::CONFLICT, detail, more))
    }
}

impl Effect<PostgresSession> for Change {
    async fn apply(&self, session: &mut PostgresSession) -> Result<Reply, DatabaseError> {
        match self {
            Self::Create(draft) => Self::create(draft, session).await,
            Self::Cancel(_) => {
                Err(DatabaseError::Refused("a cancellation is a compensation".to_owned()))
            }
        }
    }

    async fn undo(&self, session: &mut PostgresSession) -> Result<(), DatabaseError> {
        let id = match self {
            Self::Create(draft) => draft.order_id,
            Self::Cancel(id) => *id,
        };
        match session.rows(CANCEL, &[&id]).await?.len() {
            1 => Ok(()),
            _ => Err(DatabaseError::Refused(format!("there is no order {id} to cancel"))),
        }
    }
}
