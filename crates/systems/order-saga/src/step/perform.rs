//! One call of a step, from its record to its answer, in one transaction.
//!
//! A session that ends under it, at a change of the primary above all, is no reason to fail: the
//! record of the step makes a repetition harmless, so it is made here, on another session.

use std::future::Future;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::http::StatusCode;
use serde_json::json;
use standfast_tactics::deadline::Deadline;
use standfast_tactics::saga::{Arrival, Direction, Mark, Verdict, judge};
use tokio::time::timeout_at;

use super::{Records, Reply, StepCall};
use crate::service::problem::Problem;
use crate::service::sessions::{Database, DatabaseError, TRIES_MAX, away};

/// What a step does to the data, inside of a transaction that somebody else begins and commits.
pub(in super::super) trait Effect<S>: Sync {
    /// Has the effect. A reply with an error status says that there is none.
    fn apply(&self, session: &mut S) -> impl Future<Output = Result<Reply, DatabaseError>> + Send;

    /// Takes it back.
    fn undo(&self, session: &mut S) -> impl Future<Output = Result<(), DatabaseError>> + Send;

    /// Waits, after the commit, until the answer may be given.
    fn secured(&self, session: &mut S) -> impl Future<Output = Result<(), DatabaseError>> + Send {
        let _ = session;
        async { Ok(()) }
    }
}

/// Performs `call`, at most until `deadline`.
pub(in super::super) async fn perform<S: Records>(
    database: &Database<S>,
    call: &StepCall,
    effect: &impl Effect<S>,
    deadline: Deadline,
) -> Result<Reply, Problem> {
    let may_be_done = AtomicBool::new(false);
    let mut problem = away("no try was made");
    for _ in 0..TRIES_MAX {
        let mut lent = match database.lend(deadline).await {
            Ok(lent) => lent,
            Err(none) => {
                problem = none;
                break;
            }
        };
        let work = settle(lent.session(), call, effect, &may_be_done);
        match timeout_at(deadline.instant(), work).await {
            Ok(Ok(result)) => {
                lent.give_back();
                return result;
            }
            Ok(Err(error)) => {
                problem = away(&error.to_string());
                if !lent.failed(&error) {
                    break;
                }
            }
            Err(_) => {
                database.suspect();
                problem = away("the deadline has passed");
                break;
            }
        }
    }
    if may_be_done.load(Ordering::Relaxed) { Err(unknown_outcome()) } else { Err(problem) }
}

async fn settle<S: Records>(
    session: &mut S,
    call: &StepCall,
    effect: &impl Effect<S>,
    may_be_done: &AtomicBool,
) -> Result<Result<Reply, Problem>, DatabaseError> {
    session.run("START TRANSACTION").await?;
    let stored = session.open_step(call).await?;
    let is_other = stored
        .as_ref()
        .is_some_and(|stored| !stored.subject.is_empty() && stored.subject != call.subject);
    let record = stored.map(|stored| stored.record);
    let fingerprint = match (call.direction, &record) {
        // A compensation does not know all that its action said; its subject must do.
        (Direction::Back, Some(record)) => record.fingerprint,
        (Direction::Back, None) | (Direction::Forth, _) => call.fingerprint,
    };
    let kept = record.as_ref().and_then(|record| record.answer.clone());
    let arrival = Arrival { direction: call.direction, epoch: call.epoch, fingerprint };
    let verdict = if is_other { Verdict::Conflict } else { judge(record, arrival) };
    let written = StepCall { fingerprint, ..call.clone() };
    let result = match verdict {
        Verdict::Apply => {
            let reply = effect.apply(session).await?;
            let mark = if reply.status.is_success() { Mark::Applied } else { Mark::Refused };
            session.close_step(&written, mark, Some(&reply)).await?;
            Ok(reply)
        }
        Verdict::Undo => {
            effect.undo(session).await?;
            session.close_step(&written, Mark::Undone, kept.as_ref()).await?;
            Ok(undone())
        }
        Verdict::Bar => {
            session.close_step(&written, Mark::Barred, kept.as_ref()).await?;
            Ok(undone())
        }
        Verdict::Repeat(Some(reply)) => Ok(reply),
        Verdict::Repeat(None) => Ok(undone()),
        Verdict::Barred => Ok(barred()),
        Verdict::Fenced => Err(fenced()),
        Verdict::Conflict => Err(Problem::unprocessable("the key was used for something else")),
    };
    may_be_done.store(true, Ordering::Relaxed);
    session.run("COMMIT").await?;
    effect.secured(session).await?;
    Ok(result)
}

fn undone() -> Reply {
    Reply::new(StatusCode::OK, &json!({ "undone": true }))
}

fn barred() -> Reply {
    let detail = "the step was taken back before it came";
    Reply::declined(StatusCode::CONFLICT, detail, json!({}))
}

fn fenced() -> Problem {
    let title = "A later driver has taken the saga over";
    Problem::new(StatusCode::PRECONDITION_FAILED, "fenced", title, title)
}

/// 504 and not 503: nobody must take it for a refusal.
fn unknown_outcome() -> Problem {
    let title = "It is not known whether the write happened";
    let detail = "the database went away meanwhile; retry with the same Idempotency-Key";
    Problem::new(StatusCode::GATEWAY_TIMEOUT, "outcome-unknown", title, detail)
}
