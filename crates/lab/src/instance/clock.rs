//! The clock of a run: everything that happens is stamped with microseconds since its start.

use std::sync::{Arc, OnceLock};

use tokio::time::Instant;

/// Counts from the start of the run, which is set once. What happens before it, such as the start
/// of the processes, happens at 0. Clones are the same clock.
#[derive(Clone, Debug, Default)]
pub struct Clock {
    origin: Arc<OnceLock<Instant>>,
}

impl Clock {
    /// A clock that waits for [`Clock::start`].
    pub fn new() -> Self {
        Self::default()
    }

    /// A clock that counts from now on.
    pub fn started() -> Self {
        let clock = Self::new();
        clock.start(Instant::now());
        clock
    }

    /// Sets the start of the run, which may lie in the future. Only the first call counts.
    pub fn start(&self, origin: Instant) {
        // A second start would move what is stamped already.
        self.origin.get_or_init(|| origin);
    }

    /// Microseconds since the start of the run.
    pub fn now_us(&self) -> u64 {
        self.at_us(Instant::now())
    }

    /// `instant` in microseconds since the start of the run.
    pub fn at_us(&self, instant: Instant) -> u64 {
        let since = self.origin.get().map(|origin| instant.saturating_duration_since(*origin));
        since.map_or(0, |since| u64::try_from(since.as_micros()).unwrap_or(u64::MAX))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn what_happens_before_the_start_happens_at_zero() {
        let (clock, now) = (Clock::new(), Instant::now());
        assert_eq!(clock.at_us(now), 0, "not started");
        clock.start(now + Duration::from_secs(1));
        clock.start(now);
        assert_eq!(clock.at_us(now), 0, "before the start");
        assert_eq!(clock.at_us(now + Duration::from_secs(3)), 2_000_000);
    }
}
