//! The simple alternative: the last write of a line wins. It converges, and it loses additions.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::hlc::Stamp;

/// What a line was made last, by whom and when.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
struct Written {
    // The stamp decides; of equal stamps, which only a broken clock gives, the larger quantity.
    stamp: Stamp,
    units: u64,
}

/// A cart whose lines are registers. Here as the control of [`Cart`](super::Cart): two nodes that
/// add to one line at the same time keep one of the additions, and a removal by a node whose clock
/// is ahead removes what it has never seen. Good enough for what has one writer, or for scalars
/// such as an address.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(bound(deserialize = "K: Ord + Deserialize<'de>"))]
pub struct LastWriterCart<K> {
    /// Removed lines stay, with 0 units: they must win against what is older.
    lines: BTreeMap<K, Written>,
}

impl<K> Default for LastWriterCart<K> {
    fn default() -> Self {
        Self { lines: BTreeMap::new() }
    }
}

impl<K: Clone + Ord> LastWriterCart<K> {
    /// Writes a line.
    pub fn set(&mut self, item: &K, units: u64, stamp: Stamp) {
        let written = Written { stamp, units };
        let line = self.lines.entry(item.clone()).or_insert(written);
        *line = written.max(*line);
    }

    /// Takes over lines that were written later.
    pub fn merge(&mut self, other: &Self) {
        for (item, written) in &other.lines {
            self.set(item, written.units, written.stamp);
        }
    }

    /// How many of the item there are.
    pub fn quantity(&self, item: &K) -> u64 {
        self.lines.get(item).map_or(0, |written| written.units)
    }

    /// Items of which there are any, with their quantities.
    pub fn contents(&self) -> impl Iterator<Item = (&K, u64)> {
        let quantities = self.lines.iter().map(|(item, written)| (item, written.units));
        quantities.filter(|(_, units)| *units > 0)
    }
}
