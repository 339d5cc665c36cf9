//! Payments: at once if the cashier is there, and otherwise by and by, from the table of those that
//! are due. A guest is never told that something failed which may have happened.

use std::sync::Arc;
use std::time::Duration;

use standfast_tactics::deadline::Deadline;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};
use tokio_postgres::types::Json;
use tokio_postgres::{Client, Error, Row};
use uuid::Uuid;

use super::super::wire::Quote;
use super::cashier::NotYet;
use super::desk::Desk;
use super::draft::PaymentDraft;
use super::writing::{Charged, Outcome, Write};
use crate::service::database::within;
use crate::service::idempotency::IdempotencyKey;
use crate::service::problem::Problem;

/// Of a request's time this is kept for writing down what became of the charge.
const SETTLING_TIME: Duration = Duration::from_millis(150);

/// A payment whose request has gone is looked after so long after it would have been charged.
const LOOK_AFTER_MORE: Duration = Duration::from_millis(500);

/// How often the table is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Due payments that are tried at once.
const TRIED_AT_ONCE: i64 = 8;

/// Between two tries of one payment.
const AGAIN_BASE: Duration = Duration::from_millis(250);
const AGAIN_MAX: Duration = Duration::from_secs(5);

/// What a look at the table, or a note in it, may take.
const DATABASE_TIME_MAX: Duration = Duration::from_secs(1);

const DUE: &str = "SELECT reservation_id, kind, card_token, attempts, quote \
                   FROM payments_due JOIN reservations ON id = reservation_id \
                   WHERE next_at <= now() ORDER BY next_at LIMIT $1";

const COUNT: &str = "SELECT count(*) FROM payments_due";

/// A row of the table.
#[derive(Debug)]
struct Due {
    id: Uuid,
    what: What,
    attempts: u32,
    quote: Quote,
}

#[derive(Debug)]
enum What {
    Charge { card_token: String },
    Refund,
}

impl Due {
    fn of_row(row: &Row) -> Result<Self, Error> {
        let Json(quote) = row.try_get(4)?;
        let what = match row.try_get(1)? {
            "charge" => What::Charge { card_token: row.try_get(2)? },
            _ => What::Refund,
        };
        let attempts = row.try_get::<_, i32>(3)?.unsigned_abs();
        Ok(Self { id: row.try_get(0)?, what, attempts, quote })
    }
}

impl Desk {
    /// Pays reservation `id`, or sees to it that it will be paid.
    pub(super) async fn pay(
        &self,
        id: Uuid,
        draft: PaymentDraft,
        key: Option<&IdempotencyKey>,
        deadline: Deadline,
    ) -> Result<Outcome, Problem> {
        let budget = self.settings.charge_budget;
        let card_token = draft.card_token.clone();
        let look_after_ms = millis(budget + LOOK_AFTER_MORE);
        let write = Write::Pay { id, card_token, look_after_ms };
        let begun = self.writing.write(&write, key, deadline).await?;
        let Some(quote) = &begun.charge else { return Ok(begun) };
        let until = deadline.cap(Instant::now(), budget).keeping(Instant::now(), SETTLING_TIME);
        let result = match self.cashier.charge(quote, &draft.card_token, until).await {
            Ok(result) => result,
            Err(error) => {
                tracing::debug!(reservation = %id, %error, "a payment is pending");
                self.metrics.charged("pending");
                return Ok(begun);
            }
        };
        self.metrics.charged(name_of(result));
        // What is not written down here is found out again by whoever looks after the payment.
        let settled = self.writing.write(&Write::Settle { id, result }, None, deadline).await;
        Ok(settled.unwrap_or(begun))
    }

    /// Tries once to make a payment that is due. False when the cashier is left alone.
    async fn look_after(&self, due: Due) -> bool {
        let now = Instant::now();
        let until = Deadline::after(now, self.settings.charge_budget);
        let id = due.id;
        let done = match &due.what {
            What::Charge { card_token } => {
                let charged = self.cashier.charge(&due.quote, card_token, until).await;
                charged.map(|result| {
                    self.metrics.charged(name_of(result));
                    Write::Settle { id, result }
                })
            }
            What::Refund => {
                self.cashier.refund(&due.quote, until).await.map(|()| Write::Refunded { id })
            }
        };
        let (write, goes_on) = match done {
            Ok(write) => (write, true),
            Err(NotYet::LeftAlone) => return false,
            Err(error) => {
                tracing::debug!(reservation = %id, %error, "a payment is put off");
                (Write::PutOff { id, in_ms: millis(again_after(due.attempts)) }, true)
            }
        };
        let soon = Deadline::after(Instant::now(), DATABASE_TIME_MAX);
        if let Err(problem) = self.writing.write(&write, None, soon).await {
            tracing::debug!(reservation = %id, ?problem, "a payment could not be noted");
        }
        goes_on
    }
}

/// Makes the payments that are due, for as long as the service lives.
pub(super) async fn run(desk: Arc<Desk>) {
    loop {
        let session = desk.database.session().await;
        loop {
            let soon = Deadline::after(Instant::now(), DATABASE_TIME_MAX);
            let due = match within(soon, look(session.client())).await {
                Ok((due, count)) => {
                    desk.metrics.payments_due.set(count);
                    due
                }
                Err(error) => {
                    tracing::debug!(%error, "payments that are due cannot be seen");
                    break;
                }
            };
            let is_full = due.len() as i64 == TRIED_AT_ONCE;
            let mut tries = JoinSet::new();
            for one in due {
                let desk = Arc::clone(&desk);
                tries.spawn(async move { desk.look_after(one).await });
            }
            let goes_on = tries.join_all().await.into_iter().all(|went| went);
            if !is_full || !goes_on {
                sleep(LOOK_EVERY).await;
            }
        }
        sleep(LOOK_EVERY).await;
    }
}

async fn look(client: &Client) -> Result<(Vec<Due>, i64), Error> {
    let rows = client.query(DUE, &[&TRIED_AT_ONCE]).await?;
    let due = rows.iter().map(Due::of_row).collect::<Result<_, _>>()?;
    Ok((due, client.query_one(COUNT, &[]).await?.try_get(0)?))
}

/// Twice as long each time.
fn again_after(attempts: u32) -> Duration {
    AGAIN_BASE.saturating_mul(1 << attempts.min(10)).min(AGAIN_MAX)
}

fn name_of(charged: Charged) -> &'static str {
    match charged {
        Charged::Paid => "paid",
        Charged::Refused => "refused",
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_payment_waits_longer_each_time_and_never_too_long() {
        let waits: Vec<_> = (0..7).map(|attempts| again_after(attempts).as_millis()).collect();
        assert_eq!(waits, [250, 500, 1000, 2000, 4000, 5000, 5000]);
        assert_eq!(again_after(u32::MAX), AGAIN_MAX);
    }
}
