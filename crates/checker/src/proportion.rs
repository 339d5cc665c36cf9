//! A count out of a count, with the uncertainty that its size leaves.

use serde::{Deserialize, Serialize};

use crate::interval::Interval;

/// Two-sided 95 % of the standard normal distribution.
const Z_95: f64 = 1.959_963_984_540_054;

/// `hits` out of `total`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proportion {
    pub hits: u64,
    pub total: u64,
}

impl Proportion {
    /// Counts how many of `answers` are true.
    pub fn of(answers: impl IntoIterator<Item = bool>) -> Self {
        answers.into_iter().fold(Self::default(), |sum, hit| Self {
            hits: sum.hits + u64::from(hit),
            total: sum.total + 1,
        })
    }

    /// Between 0 and 1; absent when nothing was counted, so that nothing never passes.
    pub fn share(self) -> Option<f64> {
        (self.total > 0).then(|| self.hits as f64 / self.total as f64)
    }

    /// Wilson score interval at 95 % (Wilson 1927): unlike the textbook interval it stays inside
    /// 0..1 and is honest near 100 %, where availability lives.
    pub fn interval(self) -> Option<Interval> {
        let share = self.share()?;
        let n = self.total as f64;
        let z2 = Z_95 * Z_95;
        let centre = (share + z2 / (2.0 * n)) / (1.0 + z2 / n);
        let half = Z_95 / (1.0 + z2 / n)
            * (share * (1.0 - share) / n + z2 / (4.0 * n * n)).max(0.0).sqrt();
        // At the ends the exact bound is the end itself; rounding must not push the share outside.
        let low = if self.hits == 0 { 0.0 } else { (centre - half).clamp(0.0, share) };
        let high = if self.hits == self.total { 1.0 } else { (centre + half).clamp(share, 1.0) };
        Some(Interval { low, high, confidence: 0.95 })
    }
}
