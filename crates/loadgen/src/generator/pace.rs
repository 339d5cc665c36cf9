//! When the next attempt is due: by a schedule, or as soon as one of the clients is free.

use std::iter::Peekable;
use std::time::Duration;

use super::Attempt;
use crate::schedule::Schedule;

/// After a refused connection, a closed loop pauses: without, it would do nothing but connect.
const CLOSED_LOOP_PAUSE: Duration = Duration::from_millis(10);

/// Where attempts come from.
#[derive(Debug)]
pub(crate) enum Pace {
    /// Open loop: the schedule alone decides.
    Open(Box<Peekable<Schedule>>),
    /// Closed loop: `clients` send their next request when they have their answer.
    Closed { clients: usize, until: Duration, not_before: Duration },
}

/// What makes an attempt due in a closed loop.
#[derive(Clone, Copy, Debug)]
pub(super) struct Demand {
    pub(super) now: Duration,
    /// Attempts that were begun and have no answer yet.
    pub(super) unanswered: usize,
}

impl Pace {
    pub(crate) fn open(schedule: Schedule) -> Self {
        Self::Open(Box::new(schedule.peekable()))
    }

    pub(crate) fn closed(clients: usize, until: Duration) -> Self {
        Self::Closed { clients, until, not_before: Duration::ZERO }
    }

    pub(super) fn is_open(&self) -> bool {
        matches!(self, Self::Open(_))
    }

    /// The next attempt, which is number `index`, if it is due.
    pub(super) fn take_due(&mut self, index: u64, demand: Demand) -> Option<Attempt> {
        match self {
            Self::Open(schedule) => {
                let intended = schedule.next_if(|intended| *intended <= demand.now)?;
                Some(Attempt { index, intended, woken: None })
            }
            Self::Closed { clients, until, not_before } => {
                let is_due = demand.unanswered < *clients
                    && demand.now < *until
                    && demand.now >= *not_before;
                is_due.then_some(Attempt { index, intended: demand.now, woken: None })
            }
        }
    }

    /// When to look again, if nothing else happens before.
    pub(super) fn next_due(&mut self, now: Duration) -> Option<Duration> {
        match self {
            Self::Open(schedule) => schedule.peek().copied(),
            Self::Closed { until, not_before, .. } => {
                (now < *until).then_some(if *not_before > now { *not_before } else { *until })
            }
        }
    }

    pub(super) fn refused(&mut self, now: Duration) {
        if let Self::Closed { not_before, .. } = self {
            *not_before = now + CLOSED_LOOP_PAUSE;
        }
    }

    /// No attempt is due any more.
    pub(super) fn end(&mut self) {
        *self = Self::closed(0, Duration::ZERO);
    }
}
