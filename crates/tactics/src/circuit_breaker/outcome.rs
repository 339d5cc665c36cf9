//! The words of a breaker: what calls report, and what it answers.

use std::time::Duration;

use tokio::time::Instant;

/// How a call ended, as far as the dependency's health is concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The dependency answered. Whether that was slow follows from the time.
    Success,
    /// The dependency answered, and the caller holds that it was slow whatever the time says.
    Slow,
    /// The dependency failed or did not answer in time.
    Failure,
    /// The result says nothing about the dependency, such as a caller's mistake.
    Ignored,
    /// Nobody waited for the result.
    Abandoned,
}

/// Why the breaker opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// Too many failures in a row.
    FailuresInARow,
    /// Too large a share of failures.
    FailureRate,
    /// Too large a share of slow calls.
    SlowRate,
    /// Nobody waited long enough for any answer.
    AllAbandoned,
    /// Half-open came to no decision in time.
    ProbesUndecided,
}

/// What the breaker does at present.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Calls go through and are judged.
    Closed,
    /// Calls are refused until then.
    Open {
        /// End of the break.
        until: Instant,
        /// What opened it.
        cause: Cause,
    },
    /// Probes go through and decide.
    HalfOpen {
        /// When probing began.
        since: Instant,
    },
}

/// What an operator may impose.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// The breaker decides.
    #[default]
    Automatic,
    /// Every call goes through and nothing is judged.
    Disabled,
    /// Every call goes through; states change as if the breaker decided. What it would have refused
    /// in half-open is evidence too.
    MetricsOnly,
    /// Every call is refused. No timer ends it.
    ForcedOpen,
}

/// A call that may start. It must come back by [`super::CircuitBreaker::finish`].
#[derive(Debug, PartialEq, Eq)]
#[must_use = "a ticket that is lost holds a probe's permit until half-open ends"]
pub struct Ticket {
    pub(super) generation: u64,
    pub(super) admitted_at: Instant,
    pub(super) is_probe: bool,
}

/// A call that may not start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("circuit open, retry in {retry_after:?}")]
pub struct Rejection {
    /// When it is worth asking again.
    pub retry_after: Duration,
    /// What opened the breaker; absent when an operator did.
    pub cause: Option<Cause>,
}

/// The answer to a call that wants to start.
pub type Admission = Result<Ticket, Rejection>;

/// A change of state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transition {
    /// The dependency was found bad.
    Opened(Cause),
    /// A probe failed: still bad.
    Reopened(Cause),
    /// The dependency is used again.
    Closed,
}

/// What the breaker judges by at present.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Recent {
    /// Results in the window.
    pub results: usize,
    /// Those of them that failed.
    pub failed: usize,
    /// Those of them that were slow.
    pub slow: usize,
    /// The failures since the last success.
    pub failures_in_a_row: usize,
}

/// How many calls there were of each kind, since the breaker was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Calls that were let through.
    pub admitted: u64,
    /// Calls that were refused.
    pub refused: u64,
    /// Results that were judged, slow ones included.
    pub succeeded: u64,
    /// Failures that were judged.
    pub failed: u64,
    /// Results that were judged slow.
    pub slow: u64,
    /// Results that say nothing.
    pub ignored: u64,
    /// Calls that nobody waited for.
    pub abandoned: u64,
    /// Results that came after a change of state, and changed nothing.
    pub late: u64,
    /// Breaks that began.
    pub opened: u64,
}
