//! The point in time, and its form in a header.

use std::time::Duration;

use tokio::time::Instant;

/// The header that carries what is left of a deadline, in whole milliseconds. A duration, not a
/// point in time, since the clocks of two machines differ.
pub const HEADER: &str = "x-deadline-ms";

/// When a request is of no more use to whoever asked.
///
/// ```
/// use std::time::Duration;
/// use standfast_tactics::deadline::Deadline;
/// use tokio::time::Instant;
///
/// let now = Instant::now();
/// let request = Deadline::after(now, Duration::from_millis(300));
/// // A call may take 50 ms, but never longer than the request has left.
/// let budget = Duration::from_millis(50);
/// assert_eq!(request.cap(now, budget).remaining(now), budget);
/// let late = now + Duration::from_millis(280);
/// assert_eq!(request.cap(late, budget).remaining(late), Duration::from_millis(20));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Deadline(Instant);

impl Deadline {
    /// A deadline at `instant`.
    pub fn at(instant: Instant) -> Self {
        Self(instant)
    }

    /// A deadline `budget` after `now`.
    pub fn after(now: Instant, budget: Duration) -> Self {
        Self(now + budget)
    }

    /// The deadline of a request that arrived at `now` with the value of [`HEADER`], if it had one.
    /// No caller gets more than `budget_max`.
    ///
    /// # Errors
    /// When the value is no whole number of milliseconds.
    pub fn from_header(
        value: Option<&str>,
        now: Instant,
        budget_max: Duration,
    ) -> Result<Self, HeaderError> {
        let Some(value) = value else { return Ok(Self::after(now, budget_max)) };
        let asked_ms: u64 =
            value.trim().parse().map_err(|_| HeaderError { value: value.to_owned() })?;
        Ok(Self::after(now, budget_max.min(Duration::from_millis(asked_ms))))
    }

    /// The value of [`HEADER`] for a call that starts at `now`; rounded down, so that the callee
    /// gives up first.
    pub fn header_value(self, now: Instant) -> String {
        self.remaining(now).as_millis().to_string()
    }

    /// The point in time itself, for timers.
    pub fn instant(self) -> Instant {
        self.0
    }

    /// What is left at `now`; zero when it has passed.
    pub fn remaining(self, now: Instant) -> Duration {
        self.0.saturating_duration_since(now)
    }

    /// Whether nothing is left at `now`.
    pub fn has_passed(self, now: Instant) -> bool {
        self.0 <= now
    }

    /// The deadline of one call that starts at `now` and may take `budget`.
    #[must_use]
    pub fn cap(self, now: Instant, budget: Duration) -> Self {
        Self(self.0.min(now + budget))
    }

    /// A deadline `reserve` earlier: what is kept for the answer after the last call.
    #[must_use]
    pub fn keeping(self, now: Instant, reserve: Duration) -> Self {
        Self(now + self.remaining(now).saturating_sub(reserve))
    }
}

/// Why the value of [`HEADER`] is no deadline.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{value}` is no whole number of milliseconds (header {HEADER})")]
pub struct HeaderError {
    value: String,
}
