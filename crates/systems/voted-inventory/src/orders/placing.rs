//! The queue of orders that are to be written: bounded, and each of them certain to be either
//! written or withdrawn.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::http::StatusCode;
use serde_json::json;
use standfast_tactics::deadline::Deadline;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout_at;
use uuid::Uuid;

use super::super::log::{Event, Kind};
use super::database::{away, unknown_outcome};
use super::draft::Draft;
use crate::service::idempotency::IdempotencyKey;
use crate::service::problem::Problem;

/// An order that nobody has seen yet, with all that is written of it.
#[derive(Debug)]
pub(super) struct NewOrder {
    pub(super) id: Uuid,
    pub(super) event_id: Uuid,
    pub(super) product_id: String,
    pub(super) quantity: i32,
    pub(super) created_at: OffsetDateTime,
    /// The event, as the log gets it.
    pub(super) payload: String,
    /// The body of the answer.
    pub(super) response: String,
}

impl NewOrder {
    pub(super) fn of(draft: Draft) -> Self {
        let (id, event_id) = (Uuid::now_v7(), Uuid::now_v7());
        let Draft { product_id, quantity } = draft;
        // What the column keeps, so that an answer from it is the same.
        let now = OffsetDateTime::now_utc();
        let created_at = now.replace_nanosecond(now.microsecond() * 1000).unwrap_or(now);
        let event = Event { event_id, kind: Kind::Reserve, order_id: id, product_id, quantity };
        let payload = serde_json::to_string(&event).expect("an event is plain");
        let product_id = event.product_id;
        let at = created_at.format(&Rfc3339).expect("the year has four digits");
        let response = json!({
            "order_id": id, "product_id": product_id, "quantity": quantity, "status": "pending",
            "created_at": at,
        });
        let quantity = i32::try_from(quantity).expect("a draft is at most a million");
        let response = response.to_string();
        Self { id, event_id, product_id, quantity, created_at, payload, response }
    }
}

/// A write that is done, now or earlier under the same key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Written {
    pub(super) status: StatusCode,
    /// The body of the answer.
    pub(super) response: String,
}

/// An order in the queue.
#[derive(Debug)]
pub(super) struct Placement {
    pub(super) order: NewOrder,
    pub(super) key: Option<IdempotencyKey>,
    pub(super) deadline: Deadline,
    claim: Arc<Claim>,
    answer: oneshot::Sender<Result<Written, Problem>>,
}

/// Whose a placement is: its writer's or its client's, never both. Then a client that has waited
/// long enough knows for certain that nothing was written, unless it was being written.
#[derive(Debug, Default)]
struct Claim(AtomicBool);

impl Claim {
    /// Whether it was still free.
    fn take(&self) -> bool {
        !self.0.swap(true, Ordering::Relaxed)
    }
}

impl Placement {
    /// Takes it for writing. False when its client has gone, or soon will have.
    pub(super) fn claim(&self) -> bool {
        !self.answer.is_closed() && self.claim.take()
    }

    pub(super) fn answer(self, result: Result<Written, Problem>) {
        // A client that has gone will ask again under its key.
        let _ = self.answer.send(result);
    }
}

/// The near end of the queue.
#[derive(Clone, Debug)]
pub(super) struct Placing(mpsc::Sender<Placement>);

/// A queue for `waiting_max` orders.
pub(super) fn queue(waiting_max: usize) -> (Placing, mpsc::Receiver<Placement>) {
    let (sender, receiver) = mpsc::channel(waiting_max);
    (Placing(sender), receiver)
}

impl Placing {
    /// Has `order` written, at most once for each key, and waits for that until `deadline`, or
    /// until the database is `gone` while nobody writes it.
    pub(super) async fn place(
        &self,
        order: NewOrder,
        key: Option<IdempotencyKey>,
        deadline: Deadline,
        gone: impl Future<Output = ()>,
    ) -> Result<Written, Problem> {
        let claim = Arc::new(Claim::default());
        let (answer, mut answered) = oneshot::channel();
        let placement = Placement { order, key, deadline, claim: Arc::clone(&claim), answer };
        if self.0.try_send(placement).is_err() {
            return Err(away("nothing was written: too many orders wait"));
        }
        let answered = async {
            tokio::select! {
                biased;
                result = &mut answered => return Some(result),
                // Whoever writes it knows of that as well, and answers.
                () = gone => if claim.take() { return None },
            }
            Some(answered.await)
        };
        match timeout_at(deadline.instant(), answered).await {
            Ok(None) => Err(away("nothing was written: the database is away")),
            Ok(Some(Ok(result))) => result,
            Ok(Some(Err(_))) | Err(_) if claim.take() => {
                Err(away("nothing was written: the database did not take it in time"))
            }
            Ok(Some(Err(_))) | Err(_) => Err(unknown_outcome()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::{pending, ready};
    use std::time::Duration;

    use tokio::time::Instant;

    use super::*;

    fn order() -> NewOrder {
        NewOrder::of(Draft { product_id: "PROD-001".to_owned(), quantity: 5 })
    }

    fn soon() -> Deadline {
        Deadline::after(Instant::now(), Duration::from_millis(100))
    }

    #[tokio::test(start_paused = true)]
    async fn what_nobody_writes_in_time_is_withdrawn_for_good() {
        let (placing, mut queue) = queue(1);
        let problem = placing.place(order(), None, soon(), pending()).await.unwrap_err();
        assert_eq!(problem.status(), 503);
        assert!(!queue.recv().await.unwrap().claim(), "its client was told that it is not written");
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_being_written_at_the_deadline_has_an_unknown_outcome() {
        let (placing, mut queue) = queue(1);
        let (result, placement) =
            tokio::join!(placing.place(order(), None, soon(), pending()), async {
                let placement = queue.recv().await.unwrap();
                assert!(placement.claim());
                placement
            });
        assert_eq!(result.unwrap_err().status(), 504);
        drop(placement);
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_waits_in_the_queue_for_a_database_that_is_gone() {
        let (placing, mut queue) = queue(1);
        let start = Instant::now();
        let problem = placing.place(order(), None, soon(), ready(())).await.unwrap_err();
        assert_eq!((problem.status(), Instant::now()), (503.try_into().unwrap(), start));
        assert!(!queue.recv().await.unwrap().claim(), "its client was told that it is not written");
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_being_written_when_the_database_goes_is_answered_by_its_writer() {
        let (placing, mut queue) = queue(1);
        let (goes, gone) = oneshot::channel::<()>();
        let gone = async { drop(gone.await) };
        let (result, ()) = tokio::join!(placing.place(order(), None, soon(), gone), async {
            let placement = queue.recv().await.unwrap();
            assert!(placement.claim());
            drop(goes);
            tokio::task::yield_now().await;
            placement.answer(Err(unknown_outcome()));
        });
        assert_eq!(result.unwrap_err().status(), 504);
    }

    #[tokio::test(start_paused = true)]
    async fn a_full_queue_refuses_at_once() {
        let (placing, _queue) = queue(1);
        let first = placing.place(order(), None, soon(), pending());
        tokio::pin!(first);
        tokio::select! {
            biased;
            _ = &mut first => panic!("nobody has written it"),
            () = tokio::task::yield_now() => {}
        }
        let start = Instant::now();
        assert_eq!(
            placing.place(order(), None, soon(), pending()).await.unwrap_err().status(),
            503
        );
        assert_eq!(Instant::now(), start);
    }
}
