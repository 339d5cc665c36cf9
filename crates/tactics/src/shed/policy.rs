//! The numbers of a shedder.

use std::time::Duration;

use super::priority::CLASSES;

/// How the limit is learned, and how it is shared.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Policy {
    /// The limit before anything is known.
    pub limit_first: u32,
    /// It never falls below; also so many run while what is usual is looked up.
    pub limit_min: u32,
    /// It never rises above.
    pub limit_max: u32,
    /// What is reserved for each class, the most important first, as shares of the limit. Together
    /// at most 1; what is left is for all. What is reserved and not used stays free: that is what
    /// it costs that a payment finds a place at once.
    pub shares: [f64; CLASSES],
    /// So much above the limit, as shares of it, a class may go when all places are taken; not
    /// growing from class to class. A place comes free within a fraction of a call, and whoever
    /// matters most had better wait for it within than be refused.
    pub overdraft: [f64; CLASSES],
    /// A latency up to this multiple of the usual is no overload.
    pub tolerance: f64,
    /// How often the limit is adapted, if there were enough calls.
    pub window: Duration,
    /// With fewer calls than this, a window goes on.
    pub calls_min: u32,
    /// When so large a share of a window's calls ended by overload, that is one, whatever the
    /// latency of the others.
    pub overloaded_share: f64,
    /// For how long the lowest level is what is usual.
    pub usual_for: Duration,
}

impl Default for Policy {
    /// For calls of some milliseconds, hundreds of which come each second.
    fn default() -> Self {
        Self {
            limit_first: 32,
            limit_min: 4,
            limit_max: 1000,
            shares: [0.2, 0.1, 0.1, 0.05],
            overdraft: [1.0, 0.5, 0.0, 0.0],
            tolerance: 2.0,
            window: Duration::from_millis(100),
            calls_min: 20,
            overloaded_share: 0.1,
            usual_for: Duration::from_secs(30),
        }
    }
}

/// Which number of a policy makes no sense.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("load shedding: `{field}` {problem}")]
pub struct PolicyError {
    field: &'static str,
    problem: &'static str,
}

/// More would not fit the sums.
const LIMIT_LARGEST: u32 = 1_000_000;

impl Policy {
    pub(super) fn check(&self) -> Result<(), PolicyError> {
        let fail = |field, problem| Err(PolicyError { field, problem });
        if self.limit_min == 0 || self.limit_max > LIMIT_LARGEST {
            return fail("limit_min, limit_max", "must be from 1 to a million");
        }
        if !(self.limit_min..=self.limit_max).contains(&self.limit_first) {
            return fail("limit_first", "must be from limit_min to limit_max");
        }
        let is_share = |share: &f64| (0.0..=1.0).contains(share);
        if !self.shares.iter().all(is_share) || self.shares.iter().sum::<f64>() > 1.0 + 1e-9 {
            return fail("shares", "must be from 0 to 1, and together at most 1");
        }
        let is_overdraft = |share: &f64| (0.0..=10.0).contains(share);
        let is_falling = self.overdraft.windows(2).all(|pair| pair[0] >= pair[1]);
        if !self.overdraft.iter().all(is_overdraft) || !is_falling {
            return fail("overdraft", "must be from 0 to 10, and not grow from class to class");
        }
        if !(1.05..=100.0).contains(&self.tolerance) {
            return fail("tolerance", "must be from 1.05 to 100: latency is never quite the same");
        }
        if self.window.is_zero() || self.usual_for < 4 * self.window {
            return fail(
                "window, usual_for",
                "must be above zero, and the second four times the first",
            );
        }
        if self.calls_min == 0 {
            return fail("calls_min", "must be above zero");
        }
        // A share above 1 is never reached: the latency alone decides.
        if self.overloaded_share.is_nan() || self.overloaded_share <= 0.0 {
            return fail("overloaded_share", "must be above zero");
        }
        Ok(())
    }
}
