//! Who runs and who waits, as plain data.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

use super::pace::Pace;

/// The bounds of a bulkhead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// How many run at once; at least 1.
    pub running_max: usize,
    /// How many wait for that; 0 refuses at once.
    pub waiting_max: usize,
}

/// Why a call was not started.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// As many run and wait as may.
    #[error("all places and the queue are taken")]
    Full,
    /// By what calls take at present, its place would come too late to be of use.
    #[error("a place would come too late")]
    TooLate,
    /// Its deadline passed in the queue.
    #[error("the deadline passed in the queue")]
    Deadline,
}

/// Names one waiter of a queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WaiterId(u64);

/// What a call that asks for a place gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    /// It runs.
    Runs,
    /// It waits until [`Queue::free`] names it.
    Waits(WaiterId),
    /// It gets none.
    Refused(Refused),
}

/// The places of a bulkhead and the queue in front of them: first come, first served.
///
/// ```
/// use standfast_tactics::bulkhead::{Asked, Limits, Queue, Refused};
/// use std::time::Duration;
/// use tokio::time::Instant;
///
/// let mut queue = Queue::new(Limits { running_max: 1, waiting_max: 1 });
/// let now = Instant::now();
/// let deadline = now + Duration::from_secs(1);
/// assert_eq!(queue.ask(now, deadline), Asked::Runs);
/// let Asked::Waits(second) = queue.ask(now, deadline) else { panic!("the place is taken") };
/// assert_eq!(queue.ask(now, deadline), Asked::Refused(Refused::Full));
/// assert_eq!(queue.free(now, Duration::from_millis(5)), Some(second));
/// ```
#[derive(Clone, Debug)]
pub struct Queue {
    limits: Limits,
    running: usize,
    waiting: VecDeque<(WaiterId, Instant)>,
    next: u64,
    pace: Pace,
}

impl Queue {
    /// An empty bulkhead.
    ///
    /// # Panics
    /// When nothing could ever run.
    pub fn new(limits: Limits) -> Self {
        assert!(limits.running_max > 0, "a bulkhead without a place runs nothing");
        Self { limits, running: 0, waiting: VecDeque::new(), next: 0, pace: Pace::default() }
    }

    /// How many run.
    pub fn running(&self) -> usize {
        self.running
    }

    /// How many wait.
    pub fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// A call that is of use until `deadline` asks for a place.
    pub fn ask(&mut self, now: Instant, deadline: Instant) -> Asked {
        if deadline <= now {
            return Asked::Refused(Refused::Deadline);
        }
        if self.running < self.limits.running_max {
            self.running += 1;
            return Asked::Runs;
        }
        if self.waiting.len() >= self.limits.waiting_max {
            return Asked::Refused(Refused::Full);
        }
        if now + self.turn_after() + self.pace.ample() > deadline {
            return Asked::Refused(Refused::TooLate);
        }
        let waiter = WaiterId(self.next);
        self.next += 1;
        self.waiting.push_back((waiter, deadline));
        Asked::Waits(waiter)
    }

    /// When the next one who queues up gets a place, as things go.
    fn turn_after(&self) -> Duration {
        let ahead = u32::try_from(self.waiting.len() + 1).unwrap_or(u32::MAX);
        let places = u32::try_from(self.limits.running_max).unwrap_or(u32::MAX);
        self.pace.mean().saturating_mul(ahead) / places
    }

    /// A running call ended, which held its place for `held`. The waiter that is named runs in its
    /// place; waiters who have too little time left are skipped, and will leave by themselves.
    pub fn free(&mut self, now: Instant, held: Duration) -> Option<WaiterId> {
        self.pace.record(held);
        while let Some((waiter, deadline)) = self.waiting.pop_front() {
            if deadline > now && deadline >= now + self.pace.ample() {
                return Some(waiter);
            }
        }
        self.running -= 1;
        None
    }

    /// A waiter gave up. Answers whether it was still waiting: if not, it has been given a place,
    /// or was skipped.
    pub fn leave(&mut self, waiter: WaiterId) -> bool {
        let before = self.waiting.len();
        self.waiting.retain(|(id, _)| *id != waiter);
        self.waiting.len() < before
    }
}
