//! What all books say when nobody orders any more.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;
use standfast_checker::LedgerViolation;

use super::super::percentile::nearest_rank;
use super::promises::{Promise, Told};

/// Of each kind; the first ones are what somebody looks for.
const SHOWN_MAX: usize = 5;

#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct End {
    /// Acknowledged ones.
    pub(crate) orders: usize,
    /// Clients never learnt what became of these, or were told that they are not made.
    pub(crate) undecided: usize,
    pub(crate) declined: usize,
    /// Requests whose answers had no order in them: made again, unless they were declined.
    pub(crate) failed_requests: u32,
    pub(crate) open_sagas: usize,
    /// Writes that a server took while its rival took writes, too, of all that were tried.
    pub(crate) taken_by_both: usize,
    pub(crate) probes_taken: usize,
    /// From the first request to the acknowledgement: p50, p99 and the longest.
    pub(crate) latency_ms: [Option<f64>; 3],
    /// How much is wrong, by its kind.
    pub(crate) wrong: BTreeMap<&'static str, usize>,
    pub(crate) examples: Vec<String>,
}

/// What a run has seen besides the books.
#[derive(Clone, Debug, Default)]
pub(crate) struct Seen {
    pub(crate) failed_requests: u32,
    pub(crate) open_sagas: usize,
    pub(crate) taken_by_both: usize,
    pub(crate) probes_taken: usize,
    pub(crate) latencies_ms: Vec<f64>,
}

impl End {
    pub(crate) fn of(promises: &[Promise], violations: &[LedgerViolation], seen: &Seen) -> Self {
        let told = |is_it: fn(&Told) -> bool| {
            promises.iter().filter(|promise| is_it(&promise.told)).count()
        };
        let mut wrong: BTreeMap<&'static str, usize> = BTreeMap::new();
        let mut examples = Vec::new();
        for violation in violations {
            let count = wrong.entry(violation.kind()).or_default();
            *count += 1;
            if *count <= SHOWN_MAX {
                examples.push(violation.to_string());
            }
        }
        Self {
            orders: told(|told| matches!(told, Told::Made(_))),
            undecided: told(|told| *told == Told::Nothing),
            declined: told(|told| *told == Told::Declined),
            failed_requests: seen.failed_requests,
            open_sagas: seen.open_sagas,
            taken_by_both: seen.taken_by_both,
            probes_taken: seen.probes_taken,
            latency_ms: [50, 99, 100].map(|percent| nearest_rank(&seen.latencies_ms, percent)),
            wrong,
            examples,
        }
    }

    /// Whether each acknowledged order is there once everywhere, nothing else is, and nothing is
    /// open.
    pub(crate) fn is_right(&self) -> bool {
        let open = self.undecided + self.declined + self.open_sagas;
        self.orders > 0 && open == 0 && self.taken_by_both == 0 && self.wrong.is_empty()
    }
}

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { orders, undecided, declined, failed_requests, open_sagas, .. } = self;
        let [p50, p99, max] = self.latency_ms.map(|ms| ms.unwrap_or(0.0));
        write!(
            f,
            "{orders} orders acknowledged, p50 {p50:.0} ms, p99 {p99:.0}, longest {max:.0}; \
             {failed_requests} requests failed, {declined} orders declined, {undecided} unknown, \
             {open_sagas} sagas open; {} of {} writes taken by both servers; on all servers ",
            self.taken_by_both, self.probes_taken,
        )?;
        if self.wrong.is_empty() {
            return f
                .write_str("each order is there once, reported once, and stock is what it leaves");
        }
        for (kind, count) in &self.wrong {
            write!(f, "{count} {kind}, ")?;
        }
        for example in &self.examples {
            write!(f, "\n  {example}")?;
        }
        Ok(())
    }
}
