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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_integer_is_a_delay_that_can_be_added_to_now() {
        assert_eq!(of_milliseconds(1500), Duration::from_millis(1500));
        assert_eq!(of_microseconds(1500), Duration::from_micros(1500));
        for of_integer in [of_milliseconds, of_microseconds] {
            assert_eq!(of_integer(-1), Duration::ZERO);
            assert_eq!(of_integer(i64::MIN), Duration::ZERO);
            assert_eq!(of_integer(i64::MAX), DELAY_MAX);
        }
    }
}
