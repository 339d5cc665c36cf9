//! When a breaker opens, and for how long.

use std::time::Duration;

/// The numbers of a breaker; [`Policy::default`] suits calls that should take milliseconds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Policy {
    /// How many of the last calls are judged.
    pub window: usize,
    /// With fewer results than this, rates say nothing.
    pub calls_min: usize,
    /// Opens when this share of the window failed.
    pub failure_rate: f64,
    /// Opens after this many failures in a row, whatever the window says.
    pub failures_in_a_row: usize,
    /// A call that took at least this long is slow.
    pub slow_after: Duration,
    /// Opens when this share of the window was slow; 1.0 means all of it.
    pub slow_rate: f64,
    /// The first break.
    pub break_base: Duration,
    /// No break is longer, jitter aside.
    pub break_max: Duration,
    /// Each break in a row is longer than the last by this factor.
    pub break_growth: f64,
    /// Breaks vary by up to this share, so that many instances do not probe together.
    pub break_jitter: f64,
    /// How many probes run at once in half-open, and how many results decide.
    pub probes: usize,
    /// Half-open opens again when all probes are out, and the last of them for this long.
    pub half_open_max: Duration,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            window: 50,
            calls_min: 20,
            failure_rate: 0.5,
            failures_in_a_row: 5,
            slow_after: Duration::from_secs(1),
            slow_rate: 1.0,
            break_base: Duration::from_millis(500),
            break_max: Duration::from_secs(30),
            break_growth: 2.0,
            break_jitter: 0.2,
            probes: 2,
            half_open_max: Duration::from_secs(10),
        }
    }
}

/// Which number of a policy makes no sense.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("circuit breaker: `{field}` {problem}")]
pub struct PolicyError {
    field: &'static str,
    problem: &'static str,
}

pub(super) fn refuse(field: &'static str, problem: &'static str) -> Result<(), PolicyError> {
    Err(PolicyError { field, problem })
}

/// A break that is longer than a month is a decommissioning.
const BREAK_LONGEST: Duration = Duration::from_secs(30 * 24 * 3600);

impl Policy {
    pub(super) fn check(&self) -> Result<(), PolicyError> {
        let is_share = |share: f64| share > 0.0 && share <= 1.0;
        if self.window == 0 || self.probes == 0 || self.failures_in_a_row == 0 {
            return refuse("window, probes, failures_in_a_row", "must be at least 1");
        }
        if self.calls_min == 0 {
            return refuse("calls_min", "must be at least 1");
        }
        if !is_share(self.failure_rate) || !is_share(self.slow_rate) {
            return refuse("failure_rate, slow_rate", "must be above 0 and at most 1");
        }
        if self.break_base.is_zero() || self.break_max < self.break_base {
            return refuse(
                "break_base, break_max",
                "must be above zero, and the maximum the larger",
            );
        }
        if self.break_max > BREAK_LONGEST || self.half_open_max > BREAK_LONGEST {
            return refuse("break_max, half_open_max", "must be at most 30 days");
        }
        if !(1.0..=100.0).contains(&self.break_growth) {
            return refuse("break_growth", "must be from 1 to 100");
        }
        if !(0.0..1.0).contains(&self.break_jitter) {
            return refuse("break_jitter", "must be from 0 up to, not including, 1");
        }
        if self.half_open_max.is_zero() {
            return refuse("half_open_max", "must be above zero");
        }
        Ok(())
    }

    /// The break after `reopens` breaks in a row. `draw` is a random number from 0 to 1.
    pub(super) fn break_for(&self, reopens: u32, draw: f64) -> Duration {
        // Beyond this many doublings and more, every base has reached every sensible maximum.
        const EXPONENT_MAX: i32 = 60;
        let exponent = i32::try_from(reopens).unwrap_or(EXPONENT_MAX).min(EXPONENT_MAX);
        let grown = self.break_base.as_secs_f64() * self.break_growth.powi(exponent);
        let capped = grown.min(self.break_max.as_secs_f64());
        let jitter = 1.0 + self.break_jitter * (2.0 * draw.clamp(0.0, 1.0) - 1.0);
        Duration::from_secs_f64(capped * jitter)
    }
}
