//! What could be done about a hot slot: give it away, or divide the key that makes it hot.

use serde::Serialize;
use standfast_tactics::shard::Slot;

use super::HotKeys;
use crate::sharded_shop::routing::RoutingMap;

/// A shard that gets this much more than an average one is worth a change.
const OVERLOAD: f64 = 1.2;

/// What a slot holds beside its hottest key must be worth the move.
const KEY_SHARE_MAX: f64 = 0.5;

/// Fewer requests say nothing.
const REQUESTS_MIN: u64 = 1000;

/// Slots that are looked at, beginning with the hottest.
const SLOTS_MAX: usize = 16;

/// What an operator may want to do.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(in super::super::super) enum Proposal {
    /// `POST /moves` of the resharder takes it.
    MoveSlot { slot: u16, from: String, to: String, share: f64 },
    /// One key makes the slot hot. Wherever that lies, one shard serves it: only the application
    /// can divide it (several rows that are summed up) or keep copies of it.
    DivideKey { key: String, slot: u16, share: f64 },
}

impl HotKeys {
    /// Proposals for shards that get much more than an average one, by what was counted.
    pub(in super::super::super) fn proposals(&self, map: &RoutingMap) -> Vec<Proposal> {
        let counted = self.loads(map);
        let mut loads = counted.clone();
        let owning: Vec<usize> =
            (0..loads.len()).filter(|shard| map.owned(*shard).next().is_some()).collect();
        if owning.len() < 2 || self.total() < REQUESTS_MIN {
            return Vec::new();
        }
        let (total, mean) = (self.total() as f64, self.total() as f64 / owning.len() as f64);
        let hottest = self.top(usize::MAX);
        let mut proposals = Vec::new();
        for (slot, count) in self.top_slots(SLOTS_MAX) {
            let from = map.owner(slot);
            // What a proposal gives to a shard is no reason for another one; what it takes is one
            // less.
            let load = loads.get(from).zip(counted.get(from)).map(|(left, was)| left.min(was));
            if load.is_none_or(|load| (*load as f64) < mean * OVERLOAD) {
                continue;
            }
            let key = hottest.iter().find(|hot| hot.slot == slot);
            let certain = key.map_or(0, |hot| hot.count - hot.error);
            if let Some(key) = key.filter(|_| certain as f64 > count as f64 * KEY_SHARE_MAX) {
                let share = certain as f64 / total;
                if share > (OVERLOAD - 1.0) / owning.len() as f64 {
                    proposals.push(divide(key.key.to_string(), slot, share));
                }
                continue;
            }
            let Some(&to) = owning.iter().min_by_key(|shard| loads[**shard]) else { continue };
            // It must not only make another one the fullest.
            if loads[to] + count < loads[from] {
                loads[from] -= count;
                loads[to] += count;
                let (from, to) = (map.names()[from].clone(), map.names()[to].clone());
                proposals.push(Proposal::MoveSlot {
                    slot: slot.0,
                    from,
                    to,
                    share: count as f64 / total,
                });
            }
        }
        proposals
    }

    /// Requests for each shard.
    fn loads(&self, map: &RoutingMap) -> Vec<u64> {
        let mut loads = vec![0; map.names().len()];
        for (slot, count) in self.top_slots(usize::MAX) {
            if let Some(load) = loads.get_mut(map.owner(slot)) {
                *load += count;
            }
        }
        loads
    }
}

fn divide(key: String, slot: Slot, share: f64) -> Proposal {
    Proposal::DivideKey { key, slot: slot.0, share }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 16 slots on four shards, four each.
    fn map() -> RoutingMap {
        let names: Vec<_> = (1..=4).map(|number| format!("shard-{number}")).collect();
        let owners: Vec<_> =
            (0..16).map(|slot| (slot, format!("shard-{}", slot / 4 + 1))).collect();
        RoutingMap::of(1, &owners, &names).unwrap()
    }

    fn counted(requests: &[(&str, u16, u64)]) -> HotKeys {
        let mut keys = HotKeys::new();
        for (key, slot, count) in requests {
            for _ in 0..*count {
                keys.record(key, Slot(*slot));
            }
        }
        keys
    }

    #[test]
    fn an_even_load_asks_for_nothing() {
        let even = counted(&[("a", 0, 500), ("b", 4, 500), ("c", 8, 500), ("d", 12, 500)]);
        assert_eq!(even.proposals(&map()), []);
        assert_eq!(counted(&[("a", 0, REQUESTS_MIN - 1)]).proposals(&map()), [], "too few");
    }

    #[test]
    fn a_slot_of_many_warm_keys_goes_to_the_emptiest_shard() {
        let keys = counted(&[
            ("a", 0, 100),
            ("b", 0, 100),
            ("c", 0, 100),
            ("d", 1, 250),
            ("e", 4, 250),
            ("f", 8, 200),
            ("g", 12, 100),
        ]);
        let moved = Proposal::MoveSlot {
            slot: 0,
            from: "shard-1".to_owned(),
            to: "shard-4".to_owned(),
            share: 300.0 / 1100.0,
        };
        assert_eq!(keys.proposals(&map()), [moved]);
    }

    #[test]
    fn a_slot_that_is_hot_by_one_key_is_not_moved() {
        let keys =
            counted(&[("hit", 0, 900), ("b", 0, 10), ("c", 4, 30), ("d", 8, 30), ("e", 12, 30)]);
        let proposals = keys.proposals(&map());
        assert_eq!(proposals, [divide("hit".to_owned(), Slot(0), 0.9)]);
    }
}
