//! How long to wait before a process that ended is started again.

use std::time::Duration;

use tokio::time::Instant;

/// The first pause: a service that died once is back before most clients have given up.
const PAUSE_MIN: Duration = Duration::from_millis(100);
/// The longest pause: what cannot start should not use up the machine.
const PAUSE_MAX: Duration = Duration::from_secs(5);
/// Whoever was ready this long was healthy: its next end is a new story. What cannot run ends
/// before it is ready or soon after; whoever is killed again and again, as in an experiment, runs
/// well.
const HEALTHY_AFTER: Duration = Duration::from_secs(1);
/// Ends in a row after which a process is given up. With the doubling pauses this takes some 16 s.
pub const CRASHES_MAX: u32 = 8;

/// What to do about an end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Decision {
    RestartAfter(Duration),
    /// It ended too often: only a person can help.
    GiveUp,
}

/// Counts ends in a row.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Backoff {
    crashes: u32,
    ready: Option<Instant>,
}

impl Backoff {
    /// Notes that the process is ready since `now`, if it was not before.
    pub(crate) fn record_ready(&mut self, now: Instant) {
        self.ready.get_or_insert(now);
    }

    /// Answers for a process that ended at `now`.
    pub(crate) fn record_end(&mut self, now: Instant) -> Decision {
        if self.ready.take().is_some_and(|ready| now.duration_since(ready) >= HEALTHY_AFTER) {
            self.crashes = 0;
        }
        self.crashes += 1;
        if self.crashes > CRASHES_MAX {
            return Decision::GiveUp;
        }
        let doubled = PAUSE_MIN.saturating_mul(1 << (self.crashes - 1).min(16));
        Decision::RestartAfter(doubled.min(PAUSE_MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pause_ms(decision: Decision) -> Option<u128> {
        match decision {
            Decision::RestartAfter(pause) => Some(pause.as_millis()),
            Decision::GiveUp => None,
        }
    }

    #[test]
    fn pauses_double_up_to_a_bound_and_then_it_is_given_up() {
        let (mut backoff, now) = (Backoff::default(), Instant::now());
        let pauses: Vec<_> = (0..=CRASHES_MAX).map(|_| pause_ms(backoff.record_end(now))).collect();
        let expected = [100, 200, 400, 800, 1600, 3200, 5000, 5000];
        assert_eq!(pauses[..8], expected.map(Some));
        assert_eq!(pauses[8], None, "given up");
    }

    #[test]
    fn a_healthy_run_makes_the_next_end_the_first_again() {
        let (mut backoff, start) = (Backoff::default(), Instant::now());
        for _ in 0..5 {
            backoff.record_ready(start);
            backoff.record_end(start + HEALTHY_AFTER / 2);
        }
        backoff.record_ready(start);
        backoff.record_ready(start + HEALTHY_AFTER / 2);
        assert_eq!(pause_ms(backoff.record_end(start + HEALTHY_AFTER)), Some(100));
    }
}
