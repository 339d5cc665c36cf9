//! One item of a cart: what was put in, each addition by itself, and what was taken out of it.

use std::collections::BTreeMap;

use super::dot::Dot;

/// What an entry means for the quantity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// So many more.
    Added,
    /// So many, in place of all that was seen then.
    Assigned,
}

/// One addition or assignment. Kind and units never change; what was taken only grows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) kind: Kind,
    pub(super) units: u32,
    /// Units that were taken out again, by the change that did it. They hang on the entry, so that
    /// they go when it goes: a removal can never leave a debt behind that eats a later addition.
    pub(super) taken: BTreeMap<Dot, u32>,
}

impl Entry {
    pub(super) fn new(kind: Kind, units: u32) -> Self {
        Self { kind, units, taken: BTreeMap::new() }
    }

    /// What is left of it. Two replicas may have taken the same unit: it is gone once.
    pub(super) fn left(&self) -> u64 {
        let taken: u64 = self.taken.values().map(|units| u64::from(*units)).sum();
        u64::from(self.units).saturating_sub(taken)
    }
}

/// All entries of one item that are seen and not removed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Line {
    pub(super) entries: BTreeMap<Dot, Entry>,
}

impl Line {
    /// What was added, on top of the largest of the assignments that nobody has replaced.
    pub(super) fn quantity(&self) -> u64 {
        let left = |kind| {
            let of_kind = self.entries.values().filter(move |entry| entry.kind == kind);
            of_kind.map(Entry::left)
        };
        left(Kind::Added).sum::<u64>() + left(Kind::Assigned).max().unwrap_or(0)
    }

    /// Quantities that were assigned on two sides of a partition, neither knowing of the other.
    pub(super) fn rivals(&self) -> Vec<u64> {
        let assigned = self.entries.values().filter(|entry| entry.kind == Kind::Assigned);
        let mut rivals: Vec<u64> = assigned.map(Entry::left).collect();
        rivals.sort_unstable();
        if rivals.len() > 1 { rivals } else { Vec::new() }
    }

    /// How many units have to be taken from which entries, so that the quantity falls by `units`:
    /// from additions first, the oldest first, then from every assignment that is too large.
    pub(super) fn takings(&self, units: u64) -> Vec<(Dot, u64)> {
        let mut missing = units;
        let mut takings = Vec::new();
        for (dot, entry) in self.entries.iter().filter(|(_, entry)| entry.kind == Kind::Added) {
            let share = entry.left().min(missing);
            missing -= share;
            takings.push((*dot, share));
        }
        let assigned = || self.entries.iter().filter(|(_, entry)| entry.kind == Kind::Assigned);
        let largest = assigned().map(|(_, entry)| entry.left()).max().unwrap_or(0);
        let target = largest.saturating_sub(missing);
        let too_large = assigned().map(|(dot, entry)| (*dot, entry.left().saturating_sub(target)));
        takings.extend(too_large);
        takings.retain(|(_, share)| *share > 0);
        takings
    }
}
