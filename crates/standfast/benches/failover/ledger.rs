//! What clients were told, and when: the one record that outages and losses are computed from.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::{Arc, Mutex};

/// A row that a server acknowledged to a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Acknowledged {
    pub(crate) sent_us: u64,
    pub(crate) at_us: u64,
    pub(crate) sequence: u64,
}

/// A request that did not get its answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Failed {
    pub(crate) sent_us: u64,
    pub(crate) at_us: u64,
    pub(crate) why: String,
}

/// Clones are the same ledger. Each client has a page, where its sequence numbers only grow.
#[derive(Clone, Debug)]
pub(crate) struct Ledger(Arc<Mutex<Pages>>);

#[derive(Debug)]
struct Pages {
    acknowledged: Vec<Vec<Acknowledged>>,
    failed: Vec<Failed>,
}

impl Ledger {
    pub(crate) fn of(clients: usize) -> Self {
        let pages = Pages { acknowledged: vec![Vec::new(); clients], failed: Vec::new() };
        Self(Arc::new(Mutex::new(pages)))
    }

    fn with<T>(&self, read: impl FnOnce(&mut Pages) -> T) -> T {
        let mut pages = self.0.lock().expect("nobody panics with the ledger in hand");
        read(&mut pages)
    }

    pub(crate) fn acknowledge(&self, client: usize, row: Acknowledged) {
        self.with(|pages| pages.acknowledged[client].push(row));
    }

    pub(crate) fn fail(&self, failed: Failed) {
        self.with(|pages| pages.failed.push(failed));
    }

    /// How many rows were acknowledged so far.
    pub(crate) fn count(&self) -> usize {
        self.with(|pages| pages.acknowledged.iter().map(Vec::len).sum())
    }

    /// How many of each client, a place to compare from later.
    pub(crate) fn marks(&self) -> Vec<usize> {
        self.with(|pages| pages.acknowledged.iter().map(Vec::len).collect())
    }

    /// The sequence numbers of a client between two marks, ascending.
    pub(crate) fn sequences(&self, client: usize, between: Range<usize>) -> Vec<u64> {
        self.with(|pages| {
            let rows = pages.acknowledged[client].get(between).unwrap_or_default();
            rows.iter().map(|row| row.sequence).collect()
        })
    }

    /// When each client was acknowledged something since `from_us`, and the last time before.
    pub(crate) fn times(&self, from_us: u64) -> Vec<Vec<u64>> {
        self.with(|pages| {
            let since = |rows: &Vec<Acknowledged>| {
                let first = rows.partition_point(|row| row.at_us < from_us).saturating_sub(1);
                rows[first..].iter().map(|row| row.at_us).collect()
            };
            pages.acknowledged.iter().map(since).collect()
        })
    }

    /// How long each row took until it was acknowledged.
    pub(crate) fn latencies_ms(&self) -> Vec<f64> {
        let length = |row: &Acknowledged| row.at_us.saturating_sub(row.sent_us) as f64 / 1000.0;
        self.with(|pages| pages.acknowledged.iter().flatten().map(length).collect())
    }

    /// Requests that failed in a time, counted by their reasons.
    pub(crate) fn failures(&self, within: &Range<u64>) -> BTreeMap<String, u32> {
        let mut counts = BTreeMap::new();
        self.with(|pages| {
            for failed in pages.failed.iter().filter(|failed| within.contains(&failed.at_us)) {
                *counts.entry(failed.why.clone()).or_default() += 1;
            }
        });
        counts
    }
}
