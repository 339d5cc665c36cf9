//! One figure over several trials.

use serde::{Deserialize, Serialize};

use crate::interval::{Interval, quantile_interval};

/// How a figure spread over trials.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    pub n: u64,
    pub median: f64,
    pub min: f64,
    pub max: f64,
    /// Nearest rank; with fewer than 20 trials it is the maximum.
    pub p95: f64,
    /// Interval of the median, at the confidence that so many trials support.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interval: Option<Interval>,
}

impl Summary {
    /// Absent when there is nothing to sum up, or a value is no number.
    pub fn of(values: impl IntoIterator<Item = f64>) -> Option<Self> {
        let mut sorted: Vec<f64> = values.into_iter().collect();
        if sorted.is_empty() || sorted.iter().any(|value| value.is_nan()) {
            return None;
        }
        sorted.sort_by(f64::total_cmp);
        let n = sorted.len();
        let middle = n / 2;
        let median = if n % 2 == 1 {
            sorted[middle]
        } else {
            f64::midpoint(sorted[middle - 1], sorted[middle])
        };
        let p95_rank = (n * 95).div_ceil(100).max(1);
        Some(Self {
            n: n as u64,
            median,
            min: sorted[0],
            max: sorted[n - 1],
            p95: sorted[p95_rank - 1],
            interval: quantile_interval(&sorted, 0.5),
        })
    }
}
