//! The cart as plain data: changes come in and deltas go out; states merge.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::context::CausalContext;
use super::dot::{Dot, ReplicaId};
use super::line::{Entry, Kind, Line};
use super::wire::Wire;

/// Additions of one item that one replica holds at once. Each is kept by itself until it is
/// removed, so that this bounds the size of a cart; nobody presses a button so often.
pub const ENTRIES_MAX: usize = 1_000;

/// Why a change or a stored cart is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CartError {
    /// The line holds [`ENTRIES_MAX`] additions.
    #[error("a line of the cart holds {ENTRIES_MAX} additions: set its quantity instead")]
    LineFull,
    /// What was read is no cart.
    #[error("the stored cart contradicts itself: {0}")]
    Damaged(String),
}

/// A cart, or a part of one: what a change returns is a cart as well, to be merged by others.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Wire<K>", into = "Wire<K>")]
#[serde(bound(serialize = "K: Clone + Serialize", deserialize = "K: Ord + Deserialize<'de>"))]
pub struct Cart<K> {
    /// Lines that have an entry.
    pub(super) lines: BTreeMap<K, Line>,
    pub(super) seen: CausalContext,
}

impl<K> Default for Cart<K> {
    fn default() -> Self {
        Self { lines: BTreeMap::new(), seen: CausalContext::default() }
    }
}

impl<K: Clone + Ord> Cart<K> {
    /// Puts in `units` more.
    ///
    /// # Errors
    /// [`CartError::LineFull`]; the cart is as it was then.
    pub fn add(&mut self, by: ReplicaId, item: &K, units: u32) -> Result<Self, CartError> {
        let held = self.lines.get(item).map_or(0, |line| line.entries.len());
        match units {
            0 => Ok(Self::default()),
            _ if held >= ENTRIES_MAX => Err(CartError::LineFull),
            _ => Ok(self.put(by, item, Entry::new(Kind::Added, units))),
        }
    }

    /// Makes it `units`, in place of all that this replica has seen of the item.
    pub fn set(&mut self, by: ReplicaId, item: &K, units: u32) -> Self {
        let mut delta = self.remove(item);
        if units > 0 {
            delta.merge(&self.put(by, item, Entry::new(Kind::Assigned, units)));
        }
        delta
    }

    /// Takes out `units`, as far as this replica sees so many.
    pub fn take(&mut self, by: ReplicaId, item: &K, units: u32) -> Self {
        let change = self.seen.next(by);
        let mut delta = Self::default();
        let Some(line) = self.lines.get_mut(item) else { return delta };
        for (dot, share) in line.takings(u64::from(units)) {
            delta.seen.insert(dot);
            let Some(entry) = line.entries.get_mut(&dot) else { continue };
            match u32::try_from(share) {
                // The rest of an entry stays; an empty one is as good as removed.
                Ok(share) if u64::from(share) < entry.left() => {
                    entry.taken.insert(change, share);
                    // Only this change: others took before, and say so themselves.
                    let taken = BTreeMap::from([(change, share)]);
                    let copy = Entry { taken, ..Entry::new(entry.kind, entry.units) };
                    delta.lines.entry(item.clone()).or_default().entries.insert(dot, copy);
                }
                Ok(_) | Err(_) => {
                    line.entries.remove(&dot);
                }
            }
        }
        if line.entries.is_empty() {
            self.lines.remove(item);
        }
        if !delta.lines.is_empty() {
            self.seen.insert(change);
            delta.seen.insert(change);
        }
        delta
    }

    /// Takes out all that this replica has seen of the item; what it has not seen stays.
    pub fn remove(&mut self, item: &K) -> Self {
        let line = self.lines.remove(item).unwrap_or_default();
        Self { lines: BTreeMap::new(), seen: line.entries.into_keys().collect() }
    }

    /// Takes out all that `context` has seen, of every item: what a checkout was shown, by this
    /// replica or another one. What it has not seen stays, also what comes here only later.
    ///
    /// A context must be one that a replica gave: of a change that it claims and that is yet to be
    /// made, nothing would be left.
    pub fn remove_seen(&mut self, context: &CausalContext) -> Self {
        let delta = Self { lines: BTreeMap::new(), seen: context.clone() };
        self.merge(&delta);
        delta
    }

    /// Takes over what `other` has seen: a whole cart, or what a change of one returned.
    pub fn merge(&mut self, other: &Self) {
        self.lines.retain(|item, line| {
            let others = other.lines.get(item);
            let has = |dot: &Dot| others.is_some_and(|line| line.entries.contains_key(dot));
            line.entries.retain(|dot, _| has(dot) || !other.seen.contains(*dot));
            !line.entries.is_empty()
        });
        for (item, others) in &other.lines {
            for (dot, entry) in &others.entries {
                let line = self.lines.get_mut(item);
                if let Some(own) = line.and_then(|line| line.entries.get_mut(dot)) {
                    own.taken.extend(entry.taken.iter().map(|(dot, units)| (*dot, *units)));
                } else if !self.seen.contains(*dot) {
                    let line = self.lines.entry(item.clone()).or_default();
                    line.entries.insert(*dot, entry.clone());
                }
            }
        }
        self.seen.merge(&other.seen);
    }

    /// How many of the item there are.
    pub fn quantity(&self, item: &K) -> u64 {
        self.lines.get(item).map_or(0, Line::quantity)
    }

    /// Items of which there are any, with their quantities.
    pub fn contents(&self) -> impl Iterator<Item = (&K, u64)> {
        let quantities = self.lines.iter().map(|(item, line)| (item, line.quantity()));
        quantities.filter(|(_, quantity)| *quantity > 0)
    }

    /// Quantities that were set without knowledge of each other, smallest first; empty when there
    /// is no such conflict. The largest one counts; the others are there to be shown.
    pub fn rivals(&self, item: &K) -> Vec<u64> {
        self.lines.get(item).map_or_else(Vec::new, Line::rivals)
    }

    /// Which changes it has seen.
    pub fn seen(&self) -> &CausalContext {
        &self.seen
    }

    fn put(&mut self, by: ReplicaId, item: &K, entry: Entry) -> Self {
        let dot = self.seen.next(by);
        self.seen.insert(dot);
        self.lines.entry(item.clone()).or_default().entries.insert(dot, entry.clone());
        let line = Line { entries: BTreeMap::from([(dot, entry)]) };
        Self { lines: BTreeMap::from([(item.clone(), line)]), seen: [dot].into_iter().collect() }
    }
}
