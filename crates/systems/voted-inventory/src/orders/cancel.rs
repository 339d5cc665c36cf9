//! Cancels an order: once, whatever it has come to. What that means for the stock, the log decides.

use std::sync::Arc;

use axum::http::StatusCode;
use serde_json::json;
use standfast_tactics::deadline::Deadline;
use tokio_postgres::{Client, Error, Row, Transaction};
use uuid::Uuid;

use super::super::log::{Event, Kind};
use super::database::{CallError, away, unknown_outcome, within};
use super::desk::Desk;
use super::keys;
use super::placing::Written;
use crate::service::idempotency::IdempotencyKey;
use crate::service::problem::Problem;

/// The lock keeps the release behind the reserve, and two cancellations apart.
const FIND: &str =
    "SELECT product_id, quantity, status, release_event FROM orders WHERE id = $1 FOR UPDATE";
const CANCEL: &str = "UPDATE orders SET release_event = $2 WHERE id = $1";
const QUEUE: &str = "INSERT INTO outbox (order_id, key, payload) VALUES ($1, $2, $3)";

/// How the transaction ended.
enum Outcome {
    Committed { written: Written, release: Option<Event> },
    Refused(Problem),
}

/// Why it did not end.
enum Failure {
    /// Before the commit was sent: nothing happened.
    Before(CallError),
    /// The commit was sent, and no answer came.
    During(CallError),
}

impl Desk {
    /// Cancels order `id`, at most once.
    pub(super) async fn cancel(
        self: &Arc<Self>,
        id: Uuid,
        key: Option<IdempotencyKey>,
        deadline: Deadline,
    ) -> Result<Written, Problem> {
        let mut borrowed = self.database.borrow(deadline).await?;
        // The driver's own transaction: the pool's wraps it for statements not needed here.
        let client: &mut Client = borrowed.client_mut();
        match transact(client, id, key.as_ref(), self.settings.has_outbox, deadline).await {
            Ok(Outcome::Committed { written, release }) => {
                borrowed.give_back();
                if let Some(event) = release {
                    self.metrics.cancelled.inc();
                    if !self.settings.has_outbox {
                        self.send_directly(event.product_id.clone(), payload(&event));
                    }
                }
                self.wake_publisher();
                Ok(written)
            }
            Ok(Outcome::Refused(problem)) => {
                borrowed.give_back();
                Err(problem)
            }
            Err(Failure::Before(error)) => Err(away(&format!("nothing was cancelled: {error}"))),
            Err(Failure::During(error)) => {
                tracing::warn!(%error, order = %id, "the outcome of a cancellation is unknown");
                Err(unknown_outcome())
            }
        }
    }
}

async fn transact(
    client: &mut Client,
    id: Uuid,
    key: Option<&IdempotencyKey>,
    has_outbox: bool,
    deadline: Deadline,
) -> Result<Outcome, Failure> {
    let work = async {
        let transaction = client.transaction().await?;
        let outcome = apply(&transaction, id, key, has_outbox).await?;
        Ok::<_, Error>((transaction, outcome))
    };
    let (transaction, outcome) = within(deadline, work).await.map_err(Failure::Before)?;
    match &outcome {
        Outcome::Refused(_) => {
            within(deadline, transaction.rollback()).await.map_err(Failure::Before)?;
        }
        Outcome::Committed { .. } => {
            within(deadline, transaction.commit()).await.map_err(|error| {
                // A refusal by a live server is certain; silence is not.
                if error.is_refusal() { Failure::Before(error) } else { Failure::During(error) }
            })?;
        }
    }
    Ok(outcome)
}

async fn apply(
    transaction: &Transaction<'_>,
    id: Uuid,
    key: Option<&IdempotencyKey>,
    has_outbox: bool,
) -> Result<Outcome, Error> {
    if let Some(key) = key
        && let Some(kept) = keys::take(transaction, key).await?
    {
        return Ok(match kept.answer(key) {
            Ok(written) => Outcome::Committed { written, release: None },
            Err(problem) => Outcome::Refused(problem),
        });
    }
    let Some(row) = transaction.query_opt(FIND, &[&id]).await? else {
        return Ok(Outcome::Refused(Problem::not_found("there is no order with this id")));
    };
    let status: &str = row.try_get(2)?;
    let is_cancelled = row.try_get::<_, Option<Uuid>>(3)?.is_some();
    if status == "rejected" && !is_cancelled {
        let title = "There is nothing to cancel";
        let detail = "the order was rejected";
        let problem = Problem::new(StatusCode::CONFLICT, "conflict", title, detail);
        return Ok(Outcome::Refused(problem));
    }
    let response = json!({ "order_id": id, "status": status, "cancel_requested": true });
    // Accepted: it is done when the replicas have said so.
    let written = Written { status: StatusCode::ACCEPTED, response: response.to_string() };
    let release = if is_cancelled { None } else { Some(event_of(id, &row)?) };
    if let Some(event) = &release {
        transaction.execute(CANCEL, &[&id, &event.event_id]).await?;
        if has_outbox {
            let (key, payload) = (&event.product_id, payload(event));
            transaction.execute(QUEUE, &[&id, key, &payload]).await?;
        }
    }
    if let Some(key) = key {
        keys::keep(transaction, key, &written).await?;
    }
    Ok(Outcome::Committed { written, release })
}

fn event_of(id: Uuid, row: &Row) -> Result<Event, Error> {
    Ok(Event {
        event_id: Uuid::now_v7(),
        kind: Kind::Release,
        order_id: id,
        product_id: row.try_get(0)?,
        quantity: row.try_get::<_, i32>(1)?.unsigned_abs(),
    })
}

fn payload(event: &Event) -> String {
    serde_json::to_string(event).expect("an event is plain")
}
