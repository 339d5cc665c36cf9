//! Writes that wait for the database: what they are, and how their answers come back.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde::{Deserialize, Serialize};
use standfast_tactics::deadline::Deadline;
use time::Date;
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout_at;
use uuid::Uuid;

use super::super::wire::{Quote, Reservation, day};
use crate::service::database::{away, unknown_outcome};
use crate::service::idempotency::IdempotencyKey;
use crate::service::problem::Problem;

/// One change, as the functions of `sql/writes.sql` take it.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "op", rename_all = "snake_case")]
pub(super) enum Write {
    Hold {
        id: Uuid,
        offer_id: Uuid,
        #[serde(with = "day")]
        check_in: Date,
        nights: u16,
        guests: u16,
        customer: String,
        hold_ms: u64,
    },
    Pay {
        id: Uuid,
        card_token: String,
        /// Somebody looks after the payment then, should its caller be gone.
        look_after_ms: u64,
    },
    Settle {
        id: Uuid,
        result: Charged,
    },
    Cancel {
        id: Uuid,
    },
    Refunded {
        id: Uuid,
    },
    Expire {
        limit: u32,
    },
    PutOff {
        id: Uuid,
        in_ms: u64,
    },
}

/// What became of a charge, when that is certain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Charged {
    Paid,
    Refused,
}

/// What the database says to a write.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Outcome {
    pub(super) status: u16,
    pub(super) body: Option<Reservation>,
    pub(super) problem: Option<String>,
    /// It is up to the caller to charge this.
    pub(super) charge: Option<Quote>,
    /// Holds that have ended.
    #[serde(default)]
    pub(super) ended: u32,
}

#[derive(Serialize)]
struct Keyed<'a> {
    #[serde(flatten)]
    write: &'a Write,
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    hash: Option<String>,
}

/// A write in the queue.
#[derive(Debug)]
pub(super) struct Waiting {
    /// JSON, as `apply_writes` takes it.
    pub(super) text: String,
    pub(super) deadline: Deadline,
    claim: Arc<Claim>,
    answer: oneshot::Sender<Result<Outcome, Problem>>,
}

/// Whose a write is: the writer's or its asker's, never both. Then one that has waited long enough
/// knows for certain that nothing was written, unless it was being written.
#[derive(Debug, Default)]
struct Claim(AtomicBool);

impl Claim {
    /// Whether it was still free.
    fn take(&self) -> bool {
        !self.0.swap(true, Ordering::Relaxed)
    }
}

impl Waiting {
    /// Takes it for writing. False when its asker has gone, or soon will have.
    pub(super) fn claim(&self) -> bool {
        !self.answer.is_closed() && self.claim.take()
    }

    pub(super) fn answer(self, result: Result<Outcome, Problem>) {
        // One that has gone will ask again under its key.
        let _ = self.answer.send(result);
    }
}

/// The near end of the queue.
#[derive(Clone, Debug)]
pub(super) struct Writing(mpsc::Sender<Waiting>);

/// A queue for `waiting_max` writes.
pub(super) fn queue(waiting_max: usize) -> (Writing, mpsc::Receiver<Waiting>) {
    let (sender, receiver) = mpsc::channel(waiting_max);
    (Writing(sender), receiver)
}

impl Writing {
    /// Has `write` done, at most once for each key, and waits for that until `deadline`.
    pub(super) async fn write(
        &self,
        write: &Write,
        key: Option<&IdempotencyKey>,
        deadline: Deadline,
    ) -> Result<Outcome, Problem> {
        let hash =
            key.map(|key| key.request_hash.iter().map(|byte| format!("{byte:02x}")).collect());
        let keyed = Keyed { write, key: key.map(|key| key.key.as_str()), hash };
        let text = serde_json::to_string(&keyed).expect("a write has string keys and plain values");
        let claim = Arc::new(Claim::default());
        let (answer, answered) = oneshot::channel();
        let waiting = Waiting { text, deadline, claim: Arc::clone(&claim), answer };
        if self.0.try_send(waiting).is_err() {
            return Err(away("nothing was written: too many writes wait"));
        }
        match timeout_at(deadline.instant(), answered).await {
            Ok(Ok(result)) => result,
            Ok(Err(_)) | Err(_) if claim.take() => {
                Err(away("nothing was written: the database did not take it in time"))
            }
            Ok(Err(_)) | Err(_) => Err(unknown_outcome()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::Instant;

    use super::*;

    fn soon() -> Deadline {
        Deadline::after(Instant::now(), Duration::from_millis(100))
    }

    const CANCEL: Write = Write::Cancel { id: Uuid::nil() };

    #[tokio::test(start_paused = true)]
    async fn what_nobody_writes_in_time_is_withdrawn_for_good() {
        let (writing, mut queue) = queue(1);
        let problem = writing.write(&CANCEL, None, soon()).await.unwrap_err();
        assert_eq!(problem.status(), 503);
        assert!(!queue.recv().await.unwrap().claim(), "its asker was told that it is not written");
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_being_written_at_the_deadline_has_an_unknown_outcome() {
        let (writing, mut queue) = queue(1);
        let (result, waiting) = tokio::join!(writing.write(&CANCEL, None, soon()), async {
            let waiting = queue.recv().await.unwrap();
            assert!(waiting.claim());
            waiting
        });
        assert_eq!(result.unwrap_err().status(), 504);
        drop(waiting);
    }

    #[tokio::test(start_paused = true)]
    async fn a_write_says_what_it_is_and_under_which_key() {
        let (writing, mut queue) = queue(1);
        let key = IdempotencyKey { key: "k".to_owned(), request_hash: vec![0, 255] };
        let (_, text) = tokio::join!(writing.write(&CANCEL, Some(&key), soon()), async {
            queue.recv().await.unwrap().text.clone()
        });
        let expected =
            format!(r#"{{"op":"cancel","id":"{}","key":"k","hash":"00ff"}}"#, Uuid::nil());
        assert_eq!(text, expected);
    }
}
