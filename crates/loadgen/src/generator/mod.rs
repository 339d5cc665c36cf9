//! The engine room: one thread with one event loop that owns all connections of all plans.
//!
//! It stands on mio instead of tokio. A generator must send at the intended microsecond and cost
//! little beside the system that it measures: tokio's timer ticks in milliseconds, and a task per
//! connection adds wake-ups that the bare loop does not have. Everything that decides (schedule,
//! requests, reading of answers) is free of I/O and lives elsewhere.
//!
//! Map: [`Generator`] is the handle of the thread; `event_loop` waits; a `lane` is one plan with
//! its queue; `pool` holds its connections; `tally` records.

mod connection;
mod event_loop;
mod handle;
mod lane;
mod pace;
mod pool;
mod sleep;
mod tally;
mod timer;

pub(crate) use handle::Generator;
pub(crate) use lane::LanePlan;
pub(crate) use pace::Pace;
pub(crate) use pool::{CONNECTIONS_MAX, LANES_MAX};
pub use tally::Progress;
pub(crate) use tally::{Keep, Kept, Tallied};

use std::time::Duration;

/// One intended attempt.
#[derive(Clone, Copy, Debug)]
struct Attempt {
    index: u64,
    intended: Duration,
    /// When the generator woke up, if the machine let it sleep past the intended time.
    woken: Option<Duration>,
}

/// The run's clock: everything is a time since its origin.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    origin: tokio::time::Instant,
}

impl Clock {
    pub(crate) fn new(origin: tokio::time::Instant) -> Self {
        Self { origin }
    }

    /// How far the origin is in the future, where [`Self::now`] says zero.
    pub(crate) fn until_origin(self) -> Duration {
        self.origin.saturating_duration_since(tokio::time::Instant::now())
    }

    pub(crate) fn now(self) -> Duration {
        tokio::time::Instant::now().saturating_duration_since(self.origin)
    }
}
