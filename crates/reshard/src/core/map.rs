//! Who owns which slot, and which moves a new or a leaving shard asks for.
//!
//! A plan moves no slot twice and no more of them than needed: a shard that comes takes its share
//! from those that have most, one that leaves gives to those that have least. It depends on the map
//! alone, so two coordinators would plan the same.

use serde::Serialize;

use super::slots::SlotSet;

/// The owner of each slot, as of an epoch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Map {
    /// Grows by one whenever slots change hands.
    pub epoch: u64,
    /// By slot.
    pub owners: Vec<String>,
}

/// Slots that should change hands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PlannedMove {
    pub source: String,
    pub target: String,
    pub slots: SlotSet,
}

/// A change that the map does not allow.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    #[error("shard `{0}` owns slots already")]
    Present(String),
    #[error("shard `{0}` owns no slot")]
    Absent(String),
    #[error("shard `{0}` is the last one: its slots have nowhere to go")]
    Last(String),
    #[error("there is no slot {slot}: the map has {slots}")]
    NoSlot { slot: u16, slots: usize },
}

impl Map {
    /// Slots in equal, contiguous shares, in the order of `shards`.
    pub fn even(slots: u16, shards: &[String]) -> Self {
        let count = shards.len().max(1);
        let owner = |slot: usize| shards.get(slot * count / usize::from(slots)).cloned();
        let owners = (0..usize::from(slots)).map(|slot| owner(slot).unwrap_or_default());
        Self { epoch: 1, owners: owners.collect() }
    }

    /// The slots of `shard`.
    pub fn slots_of(&self, shard: &str) -> SlotSet {
        let owned = |(slot, owner): (usize, &String)| {
            (owner == shard).then(|| u16::try_from(slot).expect("a map has 65536 slots at most"))
        };
        SlotSet::of(self.owners.iter().enumerate().filter_map(owned))
    }

    /// All owners, by name, with how many slots each has.
    pub fn shares(&self) -> Vec<(String, usize)> {
        let mut shares = std::collections::BTreeMap::new();
        for owner in &self.owners {
            *shares.entry(owner.clone()).or_insert(0) += 1;
        }
        shares.into_iter().collect()
    }

    /// What `shard` should take over when it comes.
    pub fn plan_add(&self, shard: &str) -> Result<Vec<PlannedMove>, PlanError> {
        let mut shares = self.shares();
        if shares.iter().any(|(name, _)| name == shard) {
            return Err(PlanError::Present(shard.to_owned()));
        }
        let mut given = vec![0; shares.len()];
        for _ in 0..self.owners.len() / (shares.len() + 1) {
            let most = (0..shares.len()).max_by_key(|at| (shares[*at].1, std::cmp::Reverse(*at)));
            let most = most.expect("a map has an owner");
            shares[most].1 -= 1;
            given[most] += 1;
        }
        let moves = shares.iter().zip(given).filter(|(_, given)| *given > 0);
        Ok(moves.map(|((source, kept), _)| self.passing(source, shard, *kept..)).collect())
    }

    /// Where the slots of `shard` should go when it leaves.
    pub fn plan_remove(&self, shard: &str) -> Result<Vec<PlannedMove>, PlanError> {
        let (leaving, mut staying): (Vec<_>, Vec<_>) =
            self.shares().into_iter().partition(|(name, _)| name == shard);
        let Some((_, count)) = leaving.first() else {
            return Err(PlanError::Absent(shard.to_owned()));
        };
        if staying.is_empty() {
            return Err(PlanError::Last(shard.to_owned()));
        }
        let mut taken = vec![0; staying.len()];
        for _ in 0..*count {
            let least = (0..staying.len()).min_by_key(|at| (staying[*at].1, *at));
            let least = least.expect("somebody stays");
            staying[least].1 += 1;
            taken[least] += 1;
        }
        let (mut moves, mut begin) = (Vec::new(), 0);
        for ((target, _), taken) in staying.iter().zip(taken).filter(|(_, taken)| *taken > 0) {
            moves.push(self.passing(shard, target, begin..begin + taken));
            begin += taken;
        }
        Ok(moves)
    }

    /// The moves that bring `slots` to `target`: one for each shard that has some of them.
    pub fn plan_move(&self, slots: &SlotSet, target: &str) -> Result<Vec<PlannedMove>, PlanError> {
        let all = self.owners.len();
        if let Some(slot) = slots.iter().find(|slot| usize::from(*slot) >= all) {
            return Err(PlanError::NoSlot { slot, slots: all });
        }
        let planned = |(source, _): (String, usize)| {
            let owned = self.slots_of(&source);
            let slots = SlotSet::of(owned.iter().filter(|slot| slots.contains(*slot)));
            let is_needed = source != target && !slots.is_empty();
            is_needed.then(|| PlannedMove { source, target: target.to_owned(), slots })
        };
        Ok(self.shares().into_iter().filter_map(planned).collect())
    }

    /// The n-th slots of `source`, for n in `which`.
    fn passing(
        &self,
        source: &str,
        target: &str,
        which: impl std::ops::RangeBounds<usize>,
    ) -> PlannedMove {
        let all = self.slots_of(source);
        let chosen = all.iter().enumerate().filter(|(at, _)| which.contains(at));
        let slots = SlotSet::of(chosen.map(|(_, slot)| slot));
        PlannedMove { source: source.to_owned(), target: target.to_owned(), slots }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(slots: u16, shards: &[&str]) -> Map {
        Map::even(slots, &shards.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>())
    }

    fn apply(map: &mut Map, moves: &[PlannedMove]) -> usize {
        let mut count = 0;
        for one in moves {
            for slot in one.slots.iter() {
                let owner = &mut map.owners[usize::from(slot)];
                assert_eq!(*owner, one.source, "slot {slot} is taken from its owner");
                *owner = one.target.clone();
                count += 1;
            }
        }
        count
    }

    /// No shard has two slots more than another.
    fn assert_even(map: &Map) {
        let counts: Vec<usize> = map.shares().into_iter().map(|(_, count)| count).collect();
        let (most, least) = (counts.iter().max().unwrap(), counts.iter().min().unwrap());
        assert!(most - least <= 1, "{counts:?}");
    }

    #[test]
    fn a_shard_that_comes_takes_its_share_and_one_that_leaves_gives_it_back() {
        for slots in [7, 64, 1000, 4096] {
            let mut map = map(slots, &["a", "b", "c", "d"]);
            assert_even(&map);
            let moves = map.plan_add("e").unwrap();
            assert_eq!(apply(&mut map, &moves), usize::from(slots) / 5, "no more than its share");
            assert_even(&map);
            let moves = map.plan_remove("e").unwrap();
            assert_eq!(apply(&mut map, &moves), usize::from(slots) / 5, "only what it had");
            assert_even(&map);
            assert_eq!(map.slots_of("e"), SlotSet::default());
        }
    }

    #[test]
    fn slots_that_are_where_they_should_be_do_not_move() {
        let map = map(8, &["a", "b"]);
        let moves = map.plan_move(&SlotSet::of([2, 3, 4, 5]), "b").unwrap();
        let expected = PlannedMove {
            source: "a".to_owned(),
            target: "b".to_owned(),
            slots: SlotSet::of([2, 3]),
        };
        assert_eq!(moves, [expected]);
    }

    #[test]
    fn what_cannot_be_planned_says_why() {
        let map = map(8, &["a"]);
        assert_eq!(map.plan_add("a"), Err(PlanError::Present("a".to_owned())));
        assert_eq!(map.plan_remove("b"), Err(PlanError::Absent("b".to_owned())));
        assert_eq!(map.plan_remove("a"), Err(PlanError::Last("a".to_owned())));
        let outside = map.plan_move(&SlotSet::of([9]), "a");
        assert_eq!(outside, Err(PlanError::NoSlot { slot: 9, slots: 8 }));
    }
}
