//! When the same thing may be tried again.

use super::Moment;
use super::options::Options;

/// Counts failures in a row, and waits longer after each.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Backoff {
    failures: u32,
    until: Moment,
}

impl Backoff {
    pub(super) fn is_over(&self, now: Moment) -> bool {
        now >= self.until
    }

    pub(super) fn failed(&mut self, now: Moment, options: &Options) {
        let wait = options.retry_first * 2_u32.pow(self.failures.min(10));
        self.until = now + wait.min(options.retry_last);
        self.failures = self.failures.saturating_add(1);
    }

    pub(super) fn reset(&mut self) {
        *self = Self::default();
    }

    pub(super) fn failures(&self) -> u32 {
        self.failures
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn waits_double_up_to_a_limit_and_end_with_a_success() {
        let options = Options::of(2);
        let (mut backoff, now) = (Backoff::default(), Duration::from_secs(9));
        assert!(backoff.is_over(now), "the first try is free");
        backoff.failed(now, &options);
        assert!(!backoff.is_over(now) && backoff.is_over(now + options.retry_first));
        for _ in 0..20 {
            backoff.failed(now, &options);
        }
        assert!(backoff.is_over(now + options.retry_last));
        assert_eq!(backoff.failures(), 21);
        backoff.reset();
        assert!(backoff.is_over(now));
    }
}
