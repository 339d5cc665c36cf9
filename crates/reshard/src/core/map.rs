//! Who owns which slot, and which moves a new or a leaving shard asks for.
//!
//! A plan moves no slot twice and no more of them than needed: a shard that comes takes its share
//! from those that have most, one that leaves gives to those that have least. It depends on the map
//! alone, so two coordinators would plan the same.
//!
//! Here shards have names, as in the catalog. What is decided is decided by the slot map of the
//! tactics, in which they have numbers.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use standfast_tactics::shard::{
    Change, Epoch, MapError, Member, Move, ShardId, Shards, ShardsError, Slot, SlotMap,
};

use super::record::{Phase, Record, Side};
use super::slots::SlotSet;

/// The owner of each slot, as of an epoch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Map {
    /// Grows by one whenever slots change hands.
    pub epoch: u64,
    /// By slot.
    pub owners: Vec<String>,
    /// To whom slots of open moves are on their way, where that was asked for.
    pub moving: BTreeMap<u16, String>,
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
    #[error("shard `{0}` owns slots already, or they are on their way to it")]
    Present(String),
    #[error("slots are on their way to shard `{0}`: it can go when their moves have ended")]
    Receiving(String),
    #[error("shard `{0}` owns no slot")]
    Absent(String),
    #[error("shard `{0}` is the last one: its slots have nowhere to go")]
    Last(String),
    #[error("no slot is named")]
    Nothing,
    #[error("there is no slot {slot}: the map has {slots}")]
    NoSlot { slot: u16, slots: usize },
    #[error(transparent)]
    Map(#[from] MapError),
}

impl Map {
    /// Slots in equal, contiguous shares, in the order of `shards`.
    pub fn even(slots: u16, shards: &[String]) -> Self {
        let count = shards.len().max(1);
        let owner = |slot: usize| shards.get(slot * count / usize::from(slots)).cloned();
        let owners = (0..usize::from(slots)).map(|slot| owner(slot).unwrap_or_default());
        Self { epoch: 1, owners: owners.collect(), moving: BTreeMap::new() }
    }

    /// The same, with what is on its way by moves that have not ended: a plan counts it as arrived.
    #[must_use]
    pub fn with_open(mut self, open: &[Record]) -> Self {
        for record in open {
            let to = match record.phase {
                Phase::Cleaning { ending } | Phase::Ended { ending } => ending.owner(),
                Phase::Returning => Side::Source,
                Phase::Planned
                | Phase::Capturing
                | Phase::Copying
                | Phase::CatchingUp
                | Phase::Verifying
                | Phase::CuttingOver
                | Phase::StartingOver
                | Phase::Switched { .. }
                | Phase::Confirming
                | Phase::Kept { .. } => Side::Target,
            };
            let to = record.shard(to);
            for slot in record.slots.iter() {
                if self.owners.get(usize::from(slot)).is_some_and(|owner| owner != to) {
                    self.moving.insert(slot, to.to_owned());
                }
            }
        }
        self
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
        if self.has(shard) {
            return Err(PlanError::Present(shard.to_owned()));
        }
        let (names, map) = self.numbered(Some(shard))?;
        let planned = map.plan().into_iter();
        let to_it = planned.filter(|one| names[usize::from(one.to.0)] == shard);
        Ok(grouped(to_it, &names))
    }

    /// Where the slots of `shard` should go when it leaves.
    pub fn plan_remove(&self, shard: &str) -> Result<Vec<PlannedMove>, PlanError> {
        if !self.has(shard) {
            return Err(PlanError::Absent(shard.to_owned()));
        }
        // They would arrive after it had given everything away.
        if self.moving.values().any(|to| to == shard) {
            return Err(PlanError::Receiving(shard.to_owned()));
        }
        let (names, map) = self.numbered(None)?;
        let leaving = names.iter().position(|name| name == shard).map(number);
        let leaving = leaving.ok_or_else(|| PlanError::Absent(shard.to_owned()))?;
        let emptied = Change::Weigh(Member { shard: leaving, weight: 0 });
        let map = match map.after(&emptied) {
            Err(MapError::Shards(ShardsError::NoneTakes)) => {
                return Err(PlanError::Last(shard.to_owned()));
            }
            map => map?,
        };
        Ok(grouped(map.plan().into_iter().filter(|one| one.from == leaving), &names))
    }

    /// Does it own a slot, or is one on its way to it?
    fn has(&self, shard: &str) -> bool {
        self.owners.iter().chain(self.moving.values()).any(|owner| owner == shard)
    }

    /// The same with a number for each name, by which everything is decided.
    fn numbered(&self, also: Option<&str>) -> Result<(Vec<String>, SlotMap), PlanError> {
        let names = self.owners.iter().chain(self.moving.values()).map(String::as_str);
        let names: BTreeSet<&str> = names.chain(also).collect();
        let names: Vec<String> = names.into_iter().map(str::to_owned).collect();
        let id = |name: &String| number(names.binary_search(name).unwrap_or_default());
        let owners = self.owners.iter().map(id).collect();
        let moving: Vec<_> = self.moving.iter().map(|(slot, to)| (Slot(*slot), id(to))).collect();
        let shards = Shards::try_new((0..names.len()).map(number)).map_err(MapError::from)?;
        let map = SlotMap::of_owners(Epoch(self.epoch), owners, shards, moving)?;
        Ok((names, map))
    }

    /// The moves that bring `slots` to `target`: one for each shard that has some of them.
    pub fn plan_move(&self, slots: &SlotSet, target: &str) -> Result<Vec<PlannedMove>, PlanError> {
        let all = self.owners.len();
        if slots.is_empty() {
            return Err(PlanError::Nothing);
        }
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
}

fn number(index: usize) -> ShardId {
    ShardId(u16::try_from(index).expect("a map has no more shards than slots"))
}

/// One move for each pair of shards.
fn grouped(moves: impl Iterator<Item = Move>, names: &[String]) -> Vec<PlannedMove> {
    let mut pairs: BTreeMap<_, Vec<u16>> = BTreeMap::new();
    for Move { slot, from, to } in moves {
        pairs.entry((from, to)).or_default().push(slot.0);
    }
    let name = |shard: ShardId| names[usize::from(shard.0)].clone();
    let planned = pairs.into_iter().map(|((from, to), slots)| PlannedMove {
        source: name(from),
        target: name(to),
        slots: SlotSet::of(slots),
    });
    planned.collect()
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
    fn what_is_on_its_way_counts_as_arrived() {
        let map = map(64, &["a", "b", "c", "d"]);
        let open: Vec<Record> = (1..)
            .zip(map.plan_add("e").unwrap())
            .map(|(id, planned)| Record {
                id,
                source: planned.source,
                target: planned.target,
                slots: planned.slots,
                phase: Phase::Planned,
                problem: None,
                restarts: 0,
                keep: std::time::Duration::ZERO,
            })
            .collect();
        let busy = map.clone().with_open(&open);
        assert_eq!(busy.plan_add("e"), Err(PlanError::Present("e".to_owned())));
        assert_eq!(busy.plan_remove("e"), Err(PlanError::Receiving("e".to_owned())));
        let further = busy.plan_add("f").unwrap();
        let taken: usize = further.iter().map(|one| one.slots.len()).sum();
        assert_eq!(taken, 8, "two of each of four; what comes to the fifth is left alone");
        let is_free = |one: &PlannedMove| open.iter().all(|open| !open.slots.overlaps(&one.slots));
        assert!(further.iter().all(is_free), "{further:?}");
        let ending = crate::core::Ending::Aborted;
        let back: Vec<_> =
            open.iter().map(|one| one.in_phase(Phase::Cleaning { ending })).collect();
        assert_eq!(map.clone().with_open(&back), map, "they stay where they are");
    }

    #[test]
    fn what_cannot_be_planned_says_why() {
        let map = map(8, &["a"]);
        assert_eq!(map.plan_add("a"), Err(PlanError::Present("a".to_owned())));
        assert_eq!(map.plan_remove("b"), Err(PlanError::Absent("b".to_owned())));
        assert_eq!(map.plan_remove("a"), Err(PlanError::Last("a".to_owned())));
        assert_eq!(map.plan_move(&SlotSet::default(), "a"), Err(PlanError::Nothing));
        let outside = map.plan_move(&SlotSet::of([9]), "a");
        assert_eq!(outside, Err(PlanError::NoSlot { slot: 9, slots: 8 }));
    }
}
