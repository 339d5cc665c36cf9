//! The most frequent keys by Space-Saving (Metwally, Agrawal and El Abbadi, ICDT 2005).
//!
//! A key that is not kept takes the place of the rarest one and inherits its count, noted as its
//! possible error. So a count is never too low, and at most too high by its error; every key that
//! was asked for more often than total / places is kept.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use standfast_tactics::shard::Slot;

/// Keys that are kept. One that takes 1/512 of all requests is sure to be.
const PLACES: usize = 512;

/// When so many requests were counted, all counts are halved: what was hot yesterday fades.
const TOTAL_MAX: u64 = 1_000_000;

/// What is known of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Kept {
    count: u64,
    error: u64,
    slot: Slot,
}

/// A key that is asked for often.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in super::super::super) struct HotKey {
    pub(in super::super::super) key: Arc<str>,
    pub(in super::super::super) slot: Slot,
    /// At most so often.
    pub(in super::super::super) count: u64,
    /// At least `count - error` times.
    pub(in super::super::super) error: u64,
}

/// Counts of requests by key and by slot.
#[derive(Debug)]
pub(in super::super::super) struct HotKeys {
    total: u64,
    kept: HashMap<Arc<str>, Kept>,
    order: BTreeSet<(u64, Arc<str>)>,
    slots: HashMap<Slot, u64>,
}

impl HotKeys {
    pub(in super::super) fn new() -> Self {
        Self { total: 0, kept: HashMap::new(), order: BTreeSet::new(), slots: HashMap::new() }
    }

    /// Somebody asked for `key`, which lies in `slot`.
    pub(in super::super) fn record(&mut self, key: &str, slot: Slot) {
        self.total += 1;
        *self.slots.entry(slot).or_insert(0) += 1;
        let (name, kept) = match self.kept.remove_entry(key) {
            Some((name, mut kept)) => {
                self.order.remove(&(kept.count, Arc::clone(&name)));
                kept.count += 1;
                (name, kept)
            }
            None => (Arc::from(key), self.place(slot)),
        };
        self.order.insert((kept.count, Arc::clone(&name)));
        self.kept.insert(name, kept);
        if self.total >= TOTAL_MAX {
            self.fade();
        }
    }

    /// A place for a key that is not kept.
    fn place(&mut self, slot: Slot) -> Kept {
        let rarest = if self.kept.len() < PLACES { None } else { self.order.pop_first() };
        let inherited = rarest.map_or(0, |(count, name)| {
            self.kept.remove(&name);
            count
        });
        Kept { count: inherited + 1, error: inherited, slot }
    }

    fn fade(&mut self) {
        self.total /= 2;
        for kept in self.kept.values_mut() {
            // Rounded up: a count must not become too low.
            kept.count = kept.count.div_ceil(2);
            kept.error = kept.error.div_ceil(2);
        }
        let counts = self.kept.iter().map(|(name, kept)| (kept.count, Arc::clone(name)));
        self.order = counts.collect();
        self.slots.retain(|_, count| {
            *count /= 2;
            *count > 0
        });
    }

    /// All that was counted.
    pub(in super::super::super) fn total(&self) -> u64 {
        self.total
    }

    /// The keys that were asked for most, the most wanted first.
    pub(in super::super::super) fn top(&self, count: usize) -> Vec<HotKey> {
        let most = self.order.iter().rev().take(count);
        most.filter_map(|(_, key)| {
            let kept = self.kept.get(key)?;
            let Kept { count, error, slot } = *kept;
            Some(HotKey { key: Arc::clone(key), slot, count, error })
        })
        .collect()
    }

    /// The slots that were asked for most. Their counts are exact.
    pub(in super::super::super) fn top_slots(&self, count: usize) -> Vec<(Slot, u64)> {
        let mut slots: Vec<(Slot, u64)> = self.slots.iter().map(|(slot, n)| (*slot, *n)).collect();
        slots.sort_by_key(|(slot, count)| (std::cmp::Reverse(*count), *slot));
        slots.truncate(count);
        slots
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_count_is_never_too_low_and_at_most_too_high_by_its_error(
            // More keys than places, some of them often: the product is skewed.
            draws in prop::collection::vec((0..60_u64, 0..60_u64), 3000),
        ) {
            let mut keys = HotKeys::new();
            let mut exact: HashMap<String, u64> = HashMap::new();
            for (a, b) in &draws {
                let key = (a * b).to_string();
                keys.record(&key, Slot((a * b % 16) as u16));
                *exact.entry(key).or_insert(0) += 1;
            }
            prop_assert_eq!(keys.total(), 3000);
            for hot in keys.top(PLACES) {
                let count = exact[&*hot.key];
                prop_assert!(count <= hot.count && hot.count - hot.error <= count, "{hot:?}");
            }
            let kept: Vec<_> = keys.top(PLACES).into_iter().map(|hot| hot.key).collect();
            for (key, count) in exact {
                let must_be_kept = count > 3000 / PLACES as u64;
                prop_assert!(!must_be_kept || kept.iter().any(|hot| **hot == *key), "{key}");
            }
            prop_assert_eq!(keys.top_slots(16).iter().map(|(_, count)| count).sum::<u64>(), 3000);
        }
    }

    #[test]
    fn what_was_hot_fades_and_the_order_stays() {
        let mut keys = HotKeys::new();
        for turn in 0..TOTAL_MAX {
            let key = if turn % 4 == 0 { "warm" } else { "hot" };
            keys.record(key, Slot(0));
        }
        assert_eq!(keys.total(), TOTAL_MAX / 2);
        let top = keys.top(2);
        assert_eq!((&*top[0].key, top[0].count), ("hot", TOTAL_MAX * 3 / 8));
        assert_eq!((&*top[1].key, top[1].count), ("warm", TOTAL_MAX / 8));
    }
}
