//! Writes that the cache could not be told of: remembered until it is back, and until then no copy
//! that is older than them counts as fresh in this process.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use standfast_tactics::session_token::LogPosition;

/// Beyond this many the positions themselves are forgotten, and their maximum is kept as the floor
/// for good: all older copies are then stale, which costs reads but serves nothing wrong.
const PENDING_MAX: usize = 10_000;

#[derive(Debug, Default)]
struct Inner {
    positions: HashMap<String, LogPosition>,
    /// Written perhaps: the commit's outcome is unknown, and with it the position.
    unknown: HashSet<String>,
    has_overflowed: bool,
    has_unknown_overflowed: bool,
}

#[derive(Debug, Default)]
pub(crate) struct Pending {
    inner: Mutex<Inner>,
    floor: AtomicU64,
}

impl Pending {
    /// The cache could not be told that the things `written` changed at `position`.
    pub(crate) fn add(&self, written: impl IntoIterator<Item = String>, position: LogPosition) {
        let mut inner = self.lock();
        self.floor.fetch_max(position.bytes(), Ordering::AcqRel);
        for key in written {
            if inner.positions.len() >= PENDING_MAX && !inner.positions.contains_key(&key) {
                inner.has_overflowed = true;
                continue;
            }
            let known = inner.positions.entry(key).or_default();
            *known = known.advance(position);
        }
    }

    /// The things `written` may have changed: nobody knows.
    pub(crate) fn add_unknown(&self, written: impl IntoIterator<Item = String>) {
        let mut inner = self.lock();
        for key in written {
            if inner.unknown.len() < PENDING_MAX {
                inner.unknown.insert(key);
            } else {
                inner.has_unknown_overflowed = true;
            }
        }
    }

    /// The primary answers again at `position`: what had an unknown outcome happened before that,
    /// if it happened.
    pub(crate) fn resolve_unknown(&self, position: LogPosition) {
        let unknown: Vec<String> = {
            let mut inner = self.lock();
            if std::mem::take(&mut inner.has_unknown_overflowed) {
                inner.has_overflowed = true;
            }
            inner.unknown.drain().collect()
        };
        if !unknown.is_empty() {
            self.add(unknown, position);
        }
    }

    /// What the cache has to be told.
    pub(crate) fn list(&self) -> Vec<(String, LogPosition)> {
        let inner = self.lock();
        inner.positions.iter().map(|(key, position)| (key.clone(), *position)).collect()
    }

    /// The cache was told of `written` at `position`.
    pub(crate) fn told(&self, written: &str, position: LogPosition) {
        let mut inner = self.lock();
        // A later write of the same thing may have come since.
        if inner.positions.get(written) == Some(&position) {
            inner.positions.remove(written);
        }
        if inner.positions.is_empty() && !inner.has_overflowed {
            self.floor.store(0, Ordering::Release);
        }
    }

    /// Copies older than this are not fresh.
    pub(crate) fn floor(&self) -> LogPosition {
        LogPosition::from_bytes(self.floor.load(Ordering::Acquire))
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(bytes: u64) -> LogPosition {
        LogPosition::from_bytes(bytes)
    }

    #[test]
    fn the_floor_holds_until_the_cache_was_told() {
        let pending = Pending::default();
        pending.add(["a".to_owned()], at(5));
        pending.add(["a".to_owned(), "b".to_owned()], at(3));
        assert_eq!(pending.floor(), at(5));
        let mut list = pending.list();
        list.sort();
        assert_eq!(list, [("a".to_owned(), at(5)), ("b".to_owned(), at(3))]);
        pending.add(["a".to_owned()], at(9));
        pending.told("a", at(5));
        pending.told("b", at(3));
        assert_eq!(pending.floor(), at(9), "another write came while the cache was being told");
        pending.told("a", at(9));
        assert_eq!(pending.floor(), LogPosition::START);
    }

    #[test]
    fn an_unknown_outcome_is_resolved_by_the_next_position() {
        let pending = Pending::default();
        pending.add_unknown(["a".to_owned()]);
        assert!(pending.list().is_empty());
        pending.resolve_unknown(at(7));
        assert_eq!(pending.list(), [("a".to_owned(), at(7))]);
    }

    #[test]
    fn an_overflow_keeps_the_floor_instead_of_the_keys() {
        let pending = Pending::default();
        pending.add((0..=PENDING_MAX).map(|key| key.to_string()), at(4));
        let list = pending.list();
        assert_eq!(list.len(), PENDING_MAX);
        for (key, position) in list {
            pending.told(&key, position);
        }
        assert_eq!(pending.floor(), at(4));
    }
}
