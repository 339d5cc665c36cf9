//! Latencies from the intended send time: exact percentiles, and a histogram to keep.

use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};
use standfast_history::{ErrorKind, Operation, Outcome};

use crate::interval::{Interval, quantile_interval};

/// Three digits are 0.1 %, finer than any machine repeats itself.
const SIGNIFICANT_DIGITS: u8 = 3;

/// An hour in microseconds: longer than any client waits.
const LATENCY_US_MAX: u64 = 3_600_000_000;

/// Which attempts a latency is asked of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answers {
    /// Every attempt; one without an answer lasted until the client knew that there is none.
    #[default]
    All,
    /// Successes only.
    Ok,
    /// Everything that was no success.
    Failed,
}

/// Sorted latencies in microseconds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Latencies {
    sorted_us: Vec<u64>,
}

impl Latencies {
    /// Latencies of the chosen attempts. One that was never sent stands with the time that it
    /// waited: leaving it out would flatter a system that let the queue grow.
    pub fn of<'a>(operations: impl IntoIterator<Item = &'a Operation>, answers: Answers) -> Self {
        let chosen = operations.into_iter().filter(|operation| match answers {
            Answers::All => true,
            Answers::Ok => operation.outcome == Outcome::Ok,
            Answers::Failed => operation.outcome != Outcome::Ok,
        });
        let mut sorted_us: Vec<u64> = chosen.map(Operation::latency_us).collect();
        sorted_us.sort_unstable();
        Self { sorted_us }
    }

    pub fn len(&self) -> usize {
        self.sorted_us.len()
    }

    pub fn is_empty(&self) -> bool {
        self.sorted_us.is_empty()
    }

    /// Nearest rank: the smallest recorded value that at least `quantile` of all do not exceed.
    /// Always a latency that some client really had, unlike an interpolated one.
    pub fn quantile_us(&self, quantile: f64) -> Option<u64> {
        let n = self.sorted_us.len();
        let rank = (quantile.clamp(0.0, 1.0) * n as f64 - RANK_ROUNDING).ceil() as usize;
        self.sorted_us.get(rank.clamp(1, n.max(1)) - 1).copied()
    }

    pub fn max_us(&self) -> Option<u64> {
        self.sorted_us.last().copied()
    }

    /// The share of latencies that are greater, from 0 to 1; `None` when there are none at all.
    pub fn share_above_us(&self, limit_us: f64) -> Option<f64> {
        let n = self.sorted_us.len();
        let within = self.sorted_us.partition_point(|&latency_us| latency_us as f64 <= limit_us);
        (n > 0).then(|| (n - within) as f64 / n as f64)
    }

    /// Order-statistic interval of a quantile, in microseconds.
    pub fn interval_us(&self, quantile: f64) -> Option<Interval> {
        let values: Vec<f64> = self.sorted_us.iter().map(|&value| value as f64).collect();
        quantile_interval(&values, quantile)
    }

    /// The same latencies as an HDR histogram in microseconds.
    pub fn histogram(&self) -> Histogram<u64> {
        let mut histogram = Histogram::new_with_bounds(1, LATENCY_US_MAX, SIGNIFICANT_DIGITS)
            .expect("the bounds are constants that the histogram accepts");
        for &latency_us in &self.sorted_us {
            histogram.saturating_record(latency_us);
        }
        histogram
    }
}

/// 0.95 * 100 is 95.00000000000001 in binary: without this, rank 96 would be taken.
const RANK_ROUNDING: f64 = 1e-9;

/// Whether the attempt ended with an answer, of whatever status.
pub(crate) fn has_answer(operation: &Operation) -> bool {
    operation.status != 0 && operation.error != Some(ErrorKind::NotSent)
}
