//! One transaction with the primary, tried again for as long as there is time: what stood in its
//! way is rolled back, and what a failover cut off is begun anew.

use std::future::Future;
use std::time::Duration;

use standfast_tactics::deadline::Deadline;
use standfast_tactics::session_token::LogPosition;
use tokio::time::{Instant, sleep_until, timeout_at};
use tokio_postgres::types::PgLsn;

use super::{Primary, PrimarySession};
use crate::service::database::unknown_outcome;
use crate::service::problem::Problem;
use crate::service::sessions::{DatabaseError, Session, TRIES_MAX, away};

/// Where the log ends; a commit on this session came before.
const POSITION: &str = "SELECT pg_current_wal_insert_lsn()";

/// The first and the longest wait after a conflict with another transaction.
const CONFLICT_WAIT: Duration = Duration::from_millis(1);
const CONFLICT_WAIT_MAX: Duration = Duration::from_millis(20);

/// What is done in one transaction. It may be done several times, of which one is committed; one
/// whose commit got no answer may be committed as well, so that it has to see that it was.
pub(in super::super) trait Transaction: Sync {
    type Answer: Send;

    /// Its isolation.
    const BEGIN: &'static str;

    fn run(
        &self,
        session: &mut PrimarySession,
    ) -> impl Future<Output = Result<Self::Answer, DatabaseError>> + Send;
}

/// What a transaction answered, which a replica has.
#[derive(Debug)]
pub(in super::super) struct Committed<T> {
    pub(in super::super) answer: T,
    /// The log before it began: all of it could be seen.
    pub(in super::super) since: LogPosition,
    /// The log after it ended: nothing behind it was seen, and all that it did is before.
    pub(in super::super) until: LogPosition,
    /// How often others stood in its way.
    pub(in super::super) conflicts: u64,
}

/// Why there is no answer.
#[derive(Debug)]
pub(in super::super) enum Failure {
    /// Nothing was done.
    Refused(Problem),
    /// It may have been done.
    Unknown,
}

impl From<Failure> for Problem {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Refused(problem) => problem,
            Failure::Unknown => unknown_outcome(),
        }
    }
}

/// Performs `transaction`, at most until `deadline`.
pub(in super::super) async fn perform<T: Transaction>(
    primary: &Primary,
    transaction: &T,
    deadline: Deadline,
) -> Result<Committed<T::Answer>, Failure> {
    let mut may_be_done = false;
    let (mut lost, mut conflicts, mut wait) = (0, 0, CONFLICT_WAIT);
    let problem = loop {
        let mut lent = match primary.lend(deadline).await {
            Ok(lent) => lent,
            Err(none) => break none,
        };
        let mut is_ending = false;
        let work = attempt(lent.session(), transaction, &mut is_ending);
        let ended = timeout_at(deadline.instant(), work).await;
        match ended {
            Ok(Ok(committed)) => {
                lent.give_back();
                return Ok(Committed { conflicts, ..committed });
            }
            Ok(Err(DatabaseError::Busy(text))) => {
                conflicts += 1;
                let rolled_back = lent.session().run("ROLLBACK");
                if matches!(timeout_at(deadline.instant(), rolled_back).await, Ok(Ok(()))) {
                    lent.give_back();
                }
                let next = Instant::now() + wait;
                if next >= deadline.instant() {
                    break away(&text);
                }
                sleep_until(next).await;
                wait = (wait * 2).min(CONFLICT_WAIT_MAX);
            }
            Ok(Err(error)) => {
                // A refusal by a live server is certain; silence is not.
                may_be_done |= is_ending && matches!(error, DatabaseError::Away(_));
                lost += 1;
                if !lent.failed(&error) || lost >= TRIES_MAX {
                    break away(&error.to_string());
                }
            }
            Err(_) => {
                may_be_done |= is_ending;
                primary.suspect();
                break away("no replica has confirmed it in time");
            }
        }
    };
    if may_be_done { Err(Failure::Unknown) } else { Err(Failure::Refused(problem)) }
}

async fn attempt<T: Transaction>(
    session: &mut PrimarySession,
    transaction: &T,
    is_ending: &mut bool,
) -> Result<Committed<T::Answer>, DatabaseError> {
    // A commit is in the log a moment before it can be seen.
    let since = position(session).await?.before();
    session.run(T::BEGIN).await?;
    let answer = transaction.run(session).await?;
    *is_ending = true;
    session.commit().await?;
    let until = position(session).await?;
    Ok(Committed { answer, since, until, conflicts: 0 })
}

async fn position(session: &mut PrimarySession) -> Result<LogPosition, DatabaseError> {
    let rows = session.rows(POSITION, &[]).await?;
    let row = rows.first().ok_or_else(|| DatabaseError::Refused("no position".to_owned()))?;
    Ok(LogPosition::from_bytes(row.try_get::<_, PgLsn>(0)?.into()))
}
