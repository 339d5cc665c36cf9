//! The slot map: whatever is done to it, each slot has one owner, and epochs only grow.

use std::collections::BTreeMap;

use proptest::prelude::*;
use standfast_tactics::shard::{
    Change, Conflict, Epoch, Key, MapError, Member, Move, Placement, Published, ShardId, Shards,
    Slot, SlotMap, Verdict, spread,
};

const SLOTS: usize = 64;

fn map(shards: u16) -> SlotMap {
    let shards = Shards::try_new(1..=shards).expect("numbers that differ");
    SlotMap::try_new(shards, SLOTS).expect("more slots than shards")
}

fn member(shard: u16, weight: u16) -> Member {
    Member { shard: ShardId(shard), weight }
}

fn done(map: &SlotMap, change: &Change) -> SlotMap {
    map.after(change).expect("the change fits")
}

/// Starts and finishes everything that the plan says.
fn settled(map: &SlotMap) -> SlotMap {
    let moves = map.plan();
    let slots = moves.iter().map(|one| one.slot).collect();
    done(&done(map, &Change::Start(moves)), &Change::Finish(slots))
}

fn counts(map: &SlotMap) -> BTreeMap<ShardId, usize> {
    map.shards().iter().map(|shard| (*shard, map.owned(*shard).count())).collect()
}

/// The owners, the difference between the most and the fewest, and what must have moved at least.
fn check_even(map: &SlotMap) {
    let counts = counts(map);
    let (most, fewest) = (counts.values().max(), counts.values().min());
    assert!(most.zip(fewest).is_some_and(|(most, fewest)| most - fewest <= 1), "{counts:?}");
}

#[test]
fn shards_come_and_go_with_as_few_moves_as_there_can_be() {
    let four = map(4);
    check_even(&four);
    let joined = done(&four, &Change::Join(ShardId(5).into()));
    assert_eq!(joined.plan().len(), SLOTS / 5);
    assert!(joined.plan().iter().all(|one| one.to == ShardId(5)));
    let five = settled(&joined);
    check_even(&five);
    assert!(five.plan().is_empty());
    let emptied = settled(&done(&five, &Change::Weigh(member(2, 0))));
    assert_eq!(emptied.owned(ShardId(2)).count(), 0);
    let without = done(&emptied, &Change::Leave(ShardId(2)));
    check_even(&without);
    assert!(without.plan().is_empty());
    assert_eq!(without.epoch(), Epoch(8), "seven changes");
}

#[test]
fn a_plan_leaves_what_is_on_its_way_alone_and_counts_it_as_arrived() {
    let joined = done(&map(4), &Change::Join(ShardId(5).into()));
    let plan = joined.plan();
    let (first, rest) = plan.split_at(5);
    let started = done(&joined, &Change::Start(first.to_vec()));
    assert_eq!(started.moving().collect::<Vec<_>>(), first);
    assert_eq!(started.plan().len(), rest.len());
    assert!(started.plan().iter().all(|one| first.iter().all(|old| old.slot != one.slot)));
    let slot = first[0].slot;
    assert_eq!(started.owner(slot), Some(first[0].from), "it has not arrived");
    let aborted = done(&started, &Change::Abort(vec![slot]));
    assert_eq!(aborted.plan().len(), rest.len() + 1);
    let arrived = done(&started, &Change::Finish(vec![slot]));
    assert_eq!((arrived.owner(slot), arrived.destination(slot)), (Some(ShardId(5)), None));
}

#[test]
fn what_does_not_fit_is_refused() {
    let four = map(4);
    let check = |change: &Change, error: MapError| assert_eq!(four.after(change), Err(error));
    let slot = Slot(0);
    let moved =
        |slot, from, to| Change::Start(vec![Move { slot, from: ShardId(from), to: ShardId(to) }]);
    check(&Change::Leave(ShardId(9)), MapError::UnknownShard(ShardId(9)));
    let owned = SLOTS / 4;
    check(&Change::Leave(ShardId(1)), MapError::NotEmpty { shard: ShardId(1), owned, coming: 0 });
    check(&moved(slot, 1, 9), MapError::UnknownShard(ShardId(9)));
    check(&moved(slot, 2, 3), MapError::NoMove(slot));
    check(&moved(slot, 1, 1), MapError::NoMove(slot));
    check(&moved(Slot(64), 1, 2), MapError::UnknownSlot(Slot(64)));
    check(&Change::Finish(vec![slot]), MapError::NotMoving(slot));
    check(&Change::Abort(vec![slot]), MapError::NotMoving(slot));
    assert!(four.after(&Change::Join(ShardId(4).into())).is_err(), "it is there");
    let started = done(&four, &moved(slot, 1, 2));
    assert_eq!(started.after(&moved(slot, 1, 3)), Err(MapError::NoMove(slot)));
    let emptied = done(&map(2), &Change::Weigh(member(1, 0)));
    assert!(emptied.after(&Change::Weigh(member(2, 0))).is_err(), "somebody must take them");
    let shards = || Shards::try_new(1..=17).expect("numbers that differ");
    assert_eq!(SlotMap::try_new(shards(), 100), Err(MapError::SlotCount(100)));
    let many = MapError::TooManyShards { shards: 17, slots: 16 };
    assert_eq!(SlotMap::try_new(shards(), 16), Err(many));
    assert!(SlotMap::try_new(shards(), 65_536).is_ok_and(|map| map.slots() == 65_536));
}

#[test]
fn of_two_changes_to_one_map_one_is_refused() {
    let mut published = Published::new(map(4));
    let one = done(published.current(), &Change::Join(ShardId(5).into()));
    let other = done(published.current(), &Change::Weigh(member(1, 2)));
    assert_eq!(published.swap(one.clone()), Ok(()));
    let conflict = Conflict { current: Epoch(2), offered: Epoch(2) };
    assert_eq!(published.swap(other), Err(conflict));
    assert_eq!(published.current(), &one, "and changed nothing");
    let ahead = done(&done(&one, &Change::Weigh(member(1, 2))), &Change::Weigh(member(1, 3)));
    assert!(published.swap(ahead).is_err(), "nor may a change be left out");
}

#[test]
fn a_shard_serves_its_slots_and_says_who_has_the_others() {
    let (old, slot) = (map(4), Slot(0));
    let moved = Change::Start(vec![Move { slot, from: ShardId(1), to: ShardId(2) }]);
    let new = done(&done(&old, &moved), &Change::Finish(vec![slot]));
    let (from, to) = (ShardId(1), ShardId(2));
    let elsewhere = Verdict::Elsewhere { owner: to, epoch: new.epoch() };
    assert_eq!(new.judge(from, slot, old.epoch()), elsewhere, "a router that is late");
    assert_eq!(new.judge(to, slot, old.epoch()), Verdict::Serve, "late, and right all the same");
    let behind = Verdict::Behind { epoch: old.epoch() };
    assert_eq!(old.judge(from, slot, new.epoch()), behind, "an owner that has not heard of it");
    assert_eq!(old.judge(from, slot, old.epoch()), Verdict::Serve);
    assert_ne!(new.judge(from, Slot(64), new.epoch()), Verdict::Serve);
}

#[test]
fn the_stored_form_is_checked_when_it_is_read() {
    let moved = Move { slot: Slot(3), from: ShardId(1), to: ShardId(2) };
    let map = done(&map(2), &Change::Start(vec![moved]));
    let text = serde_json::to_string(&map).expect("plain data");
    assert_eq!(serde_json::from_str::<SlotMap>(&text).expect("what was written"), map);
    let check = |from: &str, to: &str, part: &str| {
        assert!(text.contains(from), "{text}");
        let error = serde_json::from_str::<SlotMap>(&text.replace(from, to)).expect_err(to);
        assert!(error.to_string().contains(part), "{to}: {error}");
    };
    check("fnv1a-splitmix64", "md5", "md5");
    check("\"slots\":64", "\"slots\":63", "63 slots");
    check("\"slots\":64", "\"slots\":128", "slot 64 has no owner");
    check("\"slots\":64", "\"slots\":32", "slot 32 has no owner, or more");
    check("\"first\":32", "\"first\":31", "slot 31");
    check("\"last\":31", "\"last\":30", "slot 32");
    check("\"last\":63,\"shard\":2", "\"last\":63,\"shard\":3", "shard 3 is not in the map");
    check("\"slot\":3,\"from\":1", "\"slot\":3,\"from\":2", "slot 3 cannot start");
    check("{\"shard\":2,\"weight\":1}", "{\"shard\":1,\"weight\":1}", "shard 1 is listed twice");
    check("\"epoch\":2", "\"epoch\":2,\"more\":1", "unknown field");
}

#[test]
fn a_hundred_maps_later_it_is_as_even_as_at_the_beginning() {
    let shards = Shards::try_new(1..=16).expect("numbers that differ");
    let mut map = SlotMap::try_new(shards, 4096).expect("enough slots");
    for round in 0..25 {
        map = settled(&done(&map, &Change::Join(ShardId(17 + round).into())));
        map = settled(&done(&map, &Change::Weigh(member(1 + round, 0))));
        map = done(&map, &Change::Leave(ShardId(1 + round)));
    }
    check_even(&map);
    let keys = (0..200_000).map(Key::Number);
    assert!(spread(&map, keys).max_over_mean() < 1.05);
}

/// What an operator might do, by index into what there is.
#[derive(Clone, Debug)]
enum Act {
    Join(u16, u16),
    Weigh(prop::sample::Index, u16),
    Leave(prop::sample::Index),
    Start(prop::sample::Index),
    Finish(prop::sample::Index),
    Abort(prop::sample::Index),
    Any(u16, u16, u16),
}

fn act() -> impl Strategy<Value = Act> {
    let index = any::<prop::sample::Index>;
    prop_oneof![
        (0..9_u16, 0..4_u16).prop_map(|(shard, weight)| Act::Join(shard, weight)),
        (index(), 0..4_u16).prop_map(|(shard, weight)| Act::Weigh(shard, weight)),
        index().prop_map(Act::Leave),
        index().prop_map(Act::Start),
        index().prop_map(Act::Finish),
        index().prop_map(Act::Abort),
        (0..70_u16, 0..9_u16, 0..9_u16).prop_map(|(slot, from, to)| Act::Any(slot, from, to)),
    ]
}

fn change(map: &SlotMap, act: &Act) -> Change {
    let shard = |index: &prop::sample::Index| *index.get(map.shards());
    let some = |index: &prop::sample::Index| {
        let moving: Vec<Slot> = map.moving().map(|one| one.slot).collect();
        moving.into_iter().skip(index.index(SLOTS)).take(7).collect()
    };
    match act {
        Act::Join(shard, weight) => Change::Join(member(*shard, *weight)),
        Act::Weigh(index, weight) => Change::Weigh(Member { shard: shard(index), weight: *weight }),
        Act::Leave(index) => Change::Leave(shard(index)),
        Act::Start(index) => {
            let plan = map.plan();
            let count = index.index(plan.len() + 1);
            Change::Start(plan.into_iter().take(count).collect())
        }
        Act::Finish(index) => Change::Finish(some(index)),
        Act::Abort(index) => Change::Abort(some(index)),
        Act::Any(slot, from, to) => {
            Change::Start(vec![Move { slot: Slot(*slot), from: ShardId(*from), to: ShardId(*to) }])
        }
    }
}

/// What the map should own by weight, to within one.
fn check_plan(map: &SlotMap) -> Result<(), TestCaseError> {
    let mut owned = counts(map);
    for one in map.moving() {
        *owned.entry(one.from).or_default() -= 1;
        *owned.entry(one.to).or_default() += 1;
    }
    let plan = map.plan();
    let given = |shard| plan.iter().filter(|one| one.from == shard).count();
    let taken = |shard| plan.iter().filter(|one| one.to == shard).count();
    let total: u64 = map.members().taking().map(|member| u64::from(member.weight)).sum();
    for one in map.members().members() {
        let (now, share) = (owned[&one.shard], u64::from(one.weight) * SLOTS as u64);
        let (given, taken) = (given(one.shard), taken(one.shard));
        prop_assert!(given == 0 || taken == 0, "what comes need not go");
        let low = usize::try_from(share / total).expect("at most all slots");
        let high = usize::try_from(share.div_ceil(total)).expect("at most all slots");
        let after = now + taken - given;
        let stuck = map.moving().any(|one_way| one_way.to == one.shard);
        prop_assert!(after >= low || map.moving().next().is_some(), "{one:?} has {after}");
        prop_assert!(after <= high || stuck, "{one:?} has {after}");
        // Never more than it takes: who gives keeps its share, who takes gets no more than that.
        prop_assert!(given == 0 || after >= low, "{one:?} gives {given} of {now}");
        prop_assert!(taken == 0 || after <= high, "{one:?} takes {taken} to {now}");
    }
    prop_assert_eq!(&plan, &map.plan(), "the same map has the same plan");
    Ok(())
}

proptest! {
    #[test]
    fn whatever_is_done_each_slot_has_one_owner_that_is_there(
        acts in prop::collection::vec(act(), 1..60),
    ) {
        let mut now = map(3);
        for act in acts {
            let change = change(&now, &act);
            let Ok(next) = now.after(&change) else { continue };
            prop_assert_eq!(next.epoch(), now.epoch().next());
            prop_assert_eq!(counts(&next).values().sum::<usize>(), SLOTS, "all are owned");
            for one in next.moving() {
                prop_assert!(one.from != one.to && next.shards().contains(&one.to));
            }
            let is_finish = matches!(change, Change::Finish(_));
            for slot in (0..64).map(Slot) {
                prop_assert!(is_finish || next.owner(slot) == now.owner(slot), "only then");
            }
            check_plan(&next)?;
            let text = serde_json::to_string(&next).expect("plain data");
            prop_assert_eq!(&serde_json::from_str::<SlotMap>(&text).expect("its own"), &next);
            now = next;
        }
    }
}
