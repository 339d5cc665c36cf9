//! Which changes a replica has seen: a version vector, and the few that it has out of order.
//!
//! Whole states leave nothing out of order, so that the vector says it all. Changes that travel
//! alone overtake each other; those stand beside the vector until what was missing arrives, and
//! are then folded into it.

use std::collections::{BTreeMap, BTreeSet};

use super::dot::{Dot, ReplicaId};

/// A set of dots, compact. Equal sets are equal values.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CausalContext {
    /// Of each replica, all dots up to this one. Never 0.
    vector: BTreeMap<ReplicaId, u64>,
    /// Dots that are not next to what the vector says.
    beyond: BTreeSet<Dot>,
}

impl CausalContext {
    /// Everything up to the numbers of `vector`, and the dots of `beyond`: what [`Self::vector`]
    /// and [`Self::beyond`] gave somebody to bring back.
    pub fn restore(
        vector: impl IntoIterator<Item = (ReplicaId, u64)>,
        beyond: impl IntoIterator<Item = Dot>,
    ) -> Self {
        let mut context = Self::default();
        for (replica, counter) in vector {
            context.insert_up_to(replica, counter);
        }
        for dot in beyond.into_iter().filter(|dot| dot.counter > 0) {
            context.insert(dot);
        }
        context
    }

    /// Whether this change was seen.
    pub fn contains(&self, dot: Dot) -> bool {
        dot.counter <= self.up_to(dot.replica) || self.beyond.contains(&dot)
    }

    /// All changes of `replica` up to this one were seen.
    pub fn up_to(&self, replica: ReplicaId) -> u64 {
        self.vector.get(&replica).copied().unwrap_or(0)
    }

    /// Whether everything was seen that `other` has seen.
    pub fn covers(&self, other: &Self) -> bool {
        // What is next to the vector is in it, so that a smaller vector does lack something.
        let has_all = |(replica, counter): (&ReplicaId, &u64)| self.up_to(*replica) >= *counter;
        other.vector.iter().all(has_all) && other.beyond.iter().all(|dot| self.contains(*dot))
    }

    /// Replicas that are known, each with its last change before which none is missing.
    pub fn vector(&self) -> impl Iterator<Item = (ReplicaId, u64)> {
        self.vector.iter().map(|(replica, counter)| (*replica, *counter))
    }

    /// Changes that were seen though one before them was not.
    pub fn beyond(&self) -> impl Iterator<Item = Dot> {
        self.beyond.iter().copied()
    }

    /// A dot that nobody has used, as long as only `replica` asks for its own.
    pub(super) fn next(&self, replica: ReplicaId) -> Dot {
        let far = self.beyond.iter().rev().find(|dot| dot.replica == replica);
        let last = far.map_or(0, |dot| dot.counter).max(self.up_to(replica));
        Dot { replica, counter: last.saturating_add(1) }
    }

    pub(super) fn insert(&mut self, dot: Dot) {
        if !self.contains(dot) {
            self.beyond.insert(dot);
            self.fold(dot.replica);
        }
    }

    pub(super) fn insert_up_to(&mut self, replica: ReplicaId, counter: u64) {
        if counter > self.up_to(replica) {
            self.vector.insert(replica, counter);
            self.fold(replica);
        }
    }

    pub(super) fn merge(&mut self, other: &Self) {
        for (replica, counter) in other.vector() {
            self.insert_up_to(replica, counter);
        }
        for dot in other.beyond() {
            self.insert(dot);
        }
    }

    /// Takes into the vector what has become next to it.
    fn fold(&mut self, replica: ReplicaId) {
        let mut last = self.up_to(replica);
        let first = Dot { replica, counter: 0 };
        let end = Dot { replica, counter: u64::MAX };
        let waiting: Vec<Dot> = self.beyond.range(first..=end).copied().collect();
        for dot in waiting {
            if dot.counter > last.saturating_add(1) {
                break;
            }
            last = last.max(dot.counter);
            self.beyond.remove(&dot);
        }
        if last > 0 {
            self.vector.insert(replica, last);
        }
    }
}

impl FromIterator<Dot> for CausalContext {
    fn from_iter<I: IntoIterator<Item = Dot>>(dots: I) -> Self {
        let mut context = Self::default();
        for dot in dots {
            context.insert(dot);
        }
        context
    }
}
