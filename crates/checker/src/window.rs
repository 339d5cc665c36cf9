//! Spans of a run, and which operations belong to them.

use serde::{Deserialize, Serialize};
use standfast_history::Operation;

/// A half-open span of time: `from_us <= t < to_us`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Window {
    pub from_us: u64,
    pub to_us: u64,
}

impl Window {
    pub fn contains(self, at_us: u64) -> bool {
        self.from_us <= at_us && at_us < self.to_us
    }

    pub fn is_empty(self) -> bool {
        self.to_us <= self.from_us
    }

    pub fn length_us(self) -> u64 {
        self.to_us.saturating_sub(self.from_us)
    }

    /// What both windows cover; empty when they do not meet.
    #[must_use]
    pub fn intersect(self, other: Self) -> Self {
        Self { from_us: self.from_us.max(other.from_us), to_us: self.to_us.min(other.to_us) }
    }
}

/// Any number of spans, in order and disjoint: a fault may be injected more than once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Windows(Vec<Window>);

impl Windows {
    /// The union of `windows`; empty ones disappear and touching ones become one.
    pub fn union(windows: impl IntoIterator<Item = Window>) -> Self {
        let mut sorted: Vec<Window> = windows.into_iter().filter(|w| !w.is_empty()).collect();
        sorted.sort_by_key(|window| window.from_us);
        let mut merged: Vec<Window> = Vec::with_capacity(sorted.len());
        for window in sorted {
            match merged.last_mut() {
                Some(last) if window.from_us <= last.to_us => {
                    last.to_us = last.to_us.max(window.to_us);
                }
                _ => merged.push(window),
            }
        }
        Self(merged)
    }

    pub fn contains(&self, at_us: u64) -> bool {
        let after = self.0.partition_point(|window| window.from_us <= at_us);
        after > 0 && self.0[after - 1].contains(at_us)
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn length_us(&self) -> u64 {
        self.0.iter().map(|window| window.length_us()).sum()
    }

    /// How much of `span` lies inside.
    pub fn covered_us(&self, span: Window) -> u64 {
        let first = self.0.partition_point(|window| window.to_us <= span.from_us);
        let meeting = self.0[first..].iter().take_while(|window| window.from_us < span.to_us);
        meeting.map(|window| window.intersect(span).length_us()).sum()
    }

    pub fn iter(&self) -> impl Iterator<Item = Window> + '_ {
        self.0.iter().copied()
    }

    /// The operations that were intended inside.
    pub fn select<'a>(
        &'a self,
        operations: &'a [Operation],
    ) -> impl Iterator<Item = &'a Operation> + 'a {
        operations.iter().filter(|operation| self.contains(operation.intended_us))
    }
}

impl From<Window> for Windows {
    fn from(window: Window) -> Self {
        Self::union([window])
    }
}
