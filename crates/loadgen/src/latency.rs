//! Latency distributions in microseconds.

use std::time::Duration;

use hdrhistogram::Histogram;
use standfast_history::Operation;

/// No attempt takes longer than an hour; more counts as one.
const LATENCY_MAX_US: u64 = 3_600_000_000;

/// An empty distribution with three significant digits.
pub fn empty() -> Histogram<u64> {
    Histogram::new_with_bounds(1, LATENCY_MAX_US, 3).expect("the bounds are valid")
}

/// An empty distribution that is small enough to be emptied often.
pub(crate) fn empty_coarse() -> Histogram<u32> {
    Histogram::new_with_bounds(1, LATENCY_MAX_US, 2).expect("the bounds are valid")
}

/// The latencies of `operations`, from their intended send times.
pub fn of<'a>(operations: impl IntoIterator<Item = &'a Operation>) -> Histogram<u64> {
    collect(operations.into_iter().map(Operation::latency_us))
}

/// The service times of `operations` that were sent. It shows where latency was *not* spent: a
/// stalled server has few long service times and many long latencies.
pub fn service_time_of<'a>(operations: impl IntoIterator<Item = &'a Operation>) -> Histogram<u64> {
    collect(operations.into_iter().filter_map(Operation::service_time_us))
}

fn collect(values_us: impl Iterator<Item = u64>) -> Histogram<u64> {
    let mut histogram = empty();
    for value in values_us {
        histogram.saturating_record(value);
    }
    histogram
}

pub(crate) fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}
