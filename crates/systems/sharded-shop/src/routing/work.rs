//! One piece of work at a shard, or at the owner of a key, tried again while there is time.

use std::future::Future;
use std::time::Duration;

use sha2::{Digest, Sha256};
use standfast_tactics::deadline::Deadline;
use tokio::time::{Instant, sleep_until, timeout_at};

use super::super::primary::PrimarySession;
use super::Router;
use crate::service::database::unknown_outcome;
use crate::service::problem::Problem;
use crate::service::sessions::{DatabaseError, TRIES_MAX, away};

/// While the map still names the shard that refused: slots are on their way to another owner, which
/// takes some round trips.
const WHILE_CLOSED: Duration = Duration::from_millis(4);

/// Transactions that stood in each other's way begin again after this.
const WHILE_BUSY: Duration = Duration::from_millis(2);

/// What is done at one shard. It may be done several times, and has to see that it was.
pub(in super::super) trait ShardWork: Sync {
    type Answer: Send;

    /// Whether it may have changed something when no answer came.
    const CHANGES: bool;

    fn run(
        &self,
        session: &mut PrimarySession,
    ) -> impl Future<Output = Result<Self::Answer, DatabaseError>> + Send;
}

/// Why there is no answer.
#[derive(Debug)]
pub(in super::super) enum Failed {
    /// The shard does not own the slot.
    Elsewhere {
        /// Whether a try before that may have done something: then its row has moved with the slot.
        may_be_done: bool,
    },
    /// It is not there, or not in time.
    Problem(Problem),
}

impl From<Problem> for Failed {
    fn from(problem: Problem) -> Self {
        Self::Problem(problem)
    }
}

impl Router {
    /// Does `work` at the shard at this position, at most until `deadline`.
    pub(in super::super) async fn at_shard<W: ShardWork>(
        &self,
        shard: usize,
        work: &W,
        deadline: Deadline,
    ) -> Result<W::Answer, Failed> {
        let database = self.shard(shard)?;
        let mut may_be_done = false;
        let mut tries = 0;
        let problem = loop {
            let mut lent = match database.lend(deadline).await {
                Ok(lent) => lent,
                Err(none) => break none,
            };
            let replaced = lent.replaced();
            let answered = timeout_at(deadline.instant(), work.run(lent.session()));
            // Both may be dropped: then the session is closed, and the work is done again.
            let ended = tokio::select! {
                ended = answered => ended,
                () = replaced => {
                    may_be_done = true;
                    continue;
                }
            };
            match ended {
                Ok(Ok(answer)) => {
                    lent.give_back();
                    return Ok(answer);
                }
                Ok(Err(DatabaseError::Elsewhere(_))) => {
                    lent.give_back();
                    return Err(Failed::Elsewhere { may_be_done: W::CHANGES && may_be_done });
                }
                Ok(Err(DatabaseError::Busy(text))) => {
                    lent.give_back();
                    let next = Instant::now() + WHILE_BUSY;
                    if next >= deadline.instant() {
                        break away(&text);
                    }
                    sleep_until(next).await;
                }
                Ok(Err(error)) => {
                    may_be_done |= matches!(error, DatabaseError::Away(_));
                    tries += 1;
                    if !lent.failed(&error) || tries >= TRIES_MAX {
                        break away(&error.to_string());
                    }
                }
                Err(_) => {
                    may_be_done = true;
                    database.suspect();
                    break away("the shard did not answer in time");
                }
            }
        };
        let is_unknown = W::CHANGES && may_be_done;
        Err(Failed::Problem(if is_unknown { unknown_outcome() } else { problem }))
    }

    /// Waits until it makes sense to look again for who owns the slot that a shard refused by the
    /// map of `epoch`.
    pub(in super::super) async fn look_again(
        &self,
        epoch: u64,
        deadline: Deadline,
    ) -> Result<(), Problem> {
        let map = self.reread(deadline).await?;
        if map.epoch() > epoch {
            return Ok(());
        }
        let next = Instant::now() + WHILE_CLOSED;
        if next >= deadline.instant() {
            return Err(away("the slot is on its way to another shard"));
        }
        sleep_until(next).await;
        Ok(())
    }

    /// Does the work that `make` makes for a slot, at the owner of the slot of `key`.
    pub(in super::super) async fn at_owner<W: ShardWork>(
        &self,
        key: &str,
        deadline: Deadline,
        make: impl Fn(i32) -> W,
    ) -> Result<W::Answer, Problem> {
        let mut was_unknown = false;
        let told = |was_unknown, problem| if was_unknown { unknown_outcome() } else { problem };
        self.count(key, deadline).await?;
        loop {
            let map = self.map(deadline).await?;
            let slot = map.slot_of(key);
            let work = make(i32::from(slot.0));
            match self.at_shard(map.owner(slot), &work, deadline).await {
                Ok(answer) => return Ok(answer),
                Err(Failed::Problem(problem)) => return Err(told(was_unknown, problem)),
                Err(Failed::Elsewhere { may_be_done }) => was_unknown |= may_be_done,
            }
            if let Err(problem) = self.look_again(map.epoch(), deadline).await {
                return Err(told(was_unknown, problem));
            }
        }
    }
}

/// A number that differs when what is said differs, for a signed column.
pub(in super::super) fn fingerprint<'a>(parts: impl IntoIterator<Item = &'a str>) -> i64 {
    let mut digest = Sha256::new();
    for part in parts {
        // The lengths keep `ab` + `c` apart from `a` + `bc`.
        digest.update((part.len() as u64).to_be_bytes());
        digest.update(part.as_bytes());
    }
    let digest = digest.finalize();
    let mut first = [0; 8];
    first.copy_from_slice(&digest[..8]);
    i64::from_be_bytes(first)
}
