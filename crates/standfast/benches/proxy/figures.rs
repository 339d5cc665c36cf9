//! The figures of all rounds, by what was measured and of whom.

use crate::contest::medians::{Medians, middle};
use crate::stand::Contender;

pub(crate) type Figures = Medians<Figure, Contender>;

/// What is measured. The order is that of the report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Figure {
    /// Requests per second of a closed loop with so many connections.
    Requests(usize),
    /// Processor time of the contender for one of these, in microseconds.
    RequestCpu(usize),
    /// Processor time for a request at the fixed rate, in microseconds.
    RateCpu,
    /// Latencies at the fixed rate, in microseconds.
    RateP50,
    RateP99,
    /// The same less the latency without a proxy of the same turn.
    AddedP50,
    AddedP99,
    /// Megabytes per second of a large body, over so many connections.
    Bulk(usize),
    /// Processor time of the contender for a gigabyte of it, in milliseconds.
    BulkCpu(usize),
    /// Memory of a contender that has done nothing, in megabytes.
    Fresh,
    /// Memory more with all connections idle, in kilobytes for each.
    IdleConnection,
    /// What a latency toxic of 100 ms adds, in milliseconds.
    ToxicP50,
    ToxicP99,
    /// Rate through a bandwidth toxic of so many KB/s, as a share of what it says.
    Bandwidth(u32),
    /// The longest control call with a paused upstream, in milliseconds.
    ControlMax,
    /// Control calls that failed then.
    ControlFailed,
}

impl Figures {
    pub(crate) fn worst(&self, figure: Figure, contender: Contender) -> Option<f64> {
        self.values(figure, contender).iter().copied().max_by(f64::total_cmp)
    }

    /// The middle of the rounds' ratios. A noisy neighbour disturbs both sides of one round alike.
    pub(crate) fn ratio(&self, figure: Figure, ours: Contender, other: Contender) -> Option<f64> {
        let pairs = self.values(figure, ours).iter().zip(self.values(figure, other));
        middle(pairs.map(|(ours, other)| ours / other).collect())
    }
}

/// The value below which this share of `values` lies.
pub(crate) fn quantile(values: &mut [f64], share: f64) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let rank = (values.len() as f64 * share).ceil() as usize;
    values.get(rank.saturating_sub(1)).copied()
}
