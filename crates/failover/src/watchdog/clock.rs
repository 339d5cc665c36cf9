//! The core's `now`: monotonic, and comparable after a restart, because failovers are journaled.

use std::time::{SystemTime, UNIX_EPOCH};

use tokio::time::Instant;

use crate::core::Moment;

/// Wall time at the start, and monotonic from there on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Clock {
    origin: Moment,
    start: Instant,
}

impl Clock {
    pub(super) fn start() -> Self {
        let origin = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self { origin, start: Instant::now() }
    }

    pub(super) fn now(&self) -> Moment {
        self.origin + self.start.elapsed()
    }
}
