//! Durations from the integers of the API, whatever somebody writes into them.

use std::time::Duration;

/// A century: longer than any run, and far from where adding it to an `Instant` overflows.
const DELAY_MAX: Duration = Duration::from_secs(100 * 365 * 24 * 60 * 60);

/// Below zero is none.
pub(super) fn of_milliseconds(written: i64) -> Duration {
    Duration::from_millis(u64::try_from(written).unwrap_or(0)).min(DELAY_MAX)
}

/// Below zero is none.
pub(super) fn of_microseconds(written: i64) -> Duration {
    Duration::from_micros(u64::try_from(written).unwrap_or(0)).min(DELAY_MAX)
}
