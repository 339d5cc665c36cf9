//! A participant's side of a saga: what a call means, and its effect in one transaction with the
//! record of it. Every write of the three applications goes this way, whoever makes it.

mod call;
mod mysql;
mod perform;
mod postgres;
mod reply;

pub(super) use call::{COMPENSATES, EPOCH, StepCall, fingerprint};
pub(super) use perform::{Effect, perform};
pub(super) use reply::Reply;

use std::future::Future;

use standfast_tactics::saga::{Mark, Record};

use crate::service::sessions::{DatabaseError, Session};

/// What is on record of a step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Stored {
    pub(super) record: Record<Reply>,
    /// What the step is about; empty when only a compensation has come.
    pub(super) subject: String,
}

/// A session that keeps records of steps.
pub(super) trait Records: Session {
    /// Locks the record of `call` until the end of the transaction, and answers what it holds;
    /// nothing if it has just been made. It is changed in any case, so that even a repetition waits
    /// until the replica has what it repeats.
    fn open_step(
        &mut self,
        call: &StepCall,
    ) -> impl Future<Output = Result<Option<Stored>, DatabaseError>> + Send;

    /// Writes what has become of the step.
    fn close_step(
        &mut self,
        call: &StepCall,
        mark: Mark,
        reply: Option<&Reply>,
    ) -> impl Future<Output = Result<(), DatabaseError>> + Send;
}

/// The mark's name in the databases.
fn mark_name(mark: Mark) -> &'static str {
    match mark {
        Mark::Applied => "applied",
        Mark::Refused => "refused",
        Mark::Undone => "undone",
        Mark::Barred => "barred",
    }
}

fn mark_of(name: &str) -> Result<Mark, DatabaseError> {
    let all = [Mark::Applied, Mark::Refused, Mark::Undone, Mark::Barred];
    let found = all.into_iter().find(|mark| mark_name(*mark) == name);
    found.ok_or_else(|| DatabaseError::Refused(format!("`{name}` is no mark of a step")))
}
