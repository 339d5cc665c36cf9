//! The figures of all rounds, by what was measured and of whom.

use crate::contest::medians::Medians;
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
    /// Megabytes per second of a long answer.
    Bulk,
    /// Processor time of the contender for a gigabyte of it, in milliseconds.
    BulkCpu,
    /// The most memory that it had after that, in megabytes.
    BulkMemory,
    /// Memory of a contender that has done nothing, in megabytes.
    Fresh,
    /// Memory more with all connections idle, in kilobytes for each.
    IdleConnection,
}

impl Figure {
    /// How it is shown: name, unit, digits.
    pub(crate) fn describe(self) -> (String, &'static str, usize) {
        match self {
            Self::Requests(count) => (format!("requests, {count} connections"), "1/s", 0),
            Self::RequestCpu(count) => (format!("CPU/request, {count} connections"), "µs", 1),
            Self::RateCpu => ("CPU/request at a fixed rate".to_owned(), "µs", 1),
            Self::RateP50 => ("p50 at a fixed rate".to_owned(), "µs", 0),
            Self::RateP99 => ("p99 at a fixed rate".to_owned(), "µs", 0),
            Self::AddedP50 => ("  added p50".to_owned(), "µs", 0),
            Self::AddedP99 => ("  added p99".to_owned(), "µs", 0),
            Self::Bulk => ("answer of 64 MiB".to_owned(), "MB/s", 0),
            Self::BulkCpu => ("CPU/GB of it".to_owned(), "ms", 0),
            Self::BulkMemory => ("memory after it".to_owned(), "MB", 1),
            Self::Fresh => ("memory when fresh".to_owned(), "MB", 1),
            Self::IdleConnection => ("memory of an idle connection".to_owned(), "kB", 2),
        }
    }
}
