//! Who is measured, each set up as its documentation says.

use fnv::FnvBuildHasher;
use standfast_tactics::shard::{
    Change, ConsistentHash, Key, Modulo, Placement, Rendezvous, ShardId, Shards, SlotMap,
};

/// Points per shard with which a ring is even enough.
const POINTS: u32 = 4096;

/// Points per shard with which a ring moves hardly more than its share.
const POINTS_MANY: u32 = 16_384;

/// Points per shard that are usual.
const POINTS_FEW: u32 = 100;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Slots,
    Ring,
    RingMany,
    Rendezvous,
    Modulo,
    SortedArray,
    SortedArrayFew,
    Anchor,
    HashRing,
    HashRingFew,
    ConsistentHashRing,
    ConsistentHashRingFew,
}

impl Kind {
    pub(crate) const ALL: [Self; 12] = [
        Self::Slots,
        Self::Ring,
        Self::RingMany,
        Self::Rendezvous,
        Self::Modulo,
        Self::SortedArray,
        Self::SortedArrayFew,
        Self::Anchor,
        Self::HashRing,
        Self::HashRingFew,
        Self::ConsistentHashRing,
        Self::ConsistentHashRingFew,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Slots => "standfast, 16,384 slots",
            Self::Ring => "standfast, ring of 4,096 points",
            Self::RingMany => "standfast, ring of 16,384 points",
            Self::Rendezvous => "standfast, rendezvous",
            Self::Modulo => "standfast, md5 % N",
            Self::SortedArray => "sorted array of 4,096 points",
            Self::SortedArrayFew => "sorted array of 100 points",
            Self::Anchor => "anchorhash",
            Self::HashRing => "hashring, 4,096 points",
            Self::HashRingFew => "hashring, 100 points",
            Self::ConsistentHashRing => "consistent_hash_ring, 4,096 points",
            Self::ConsistentHashRingFew => "consistent_hash_ring, 100 points",
        }
    }

    /// With the shards 1 to 16, and with the 17th that came.
    pub(crate) fn before_and_after(self) -> [Box<dyn Contender>; 2] {
        if self == Self::Slots {
            let before = slots();
            let after = joined(&before);
            return [placed(before), placed(after)];
        }
        [self.of(16), self.of(17)]
    }

    fn of(self, count: u16) -> Box<dyn Contender> {
        let shards = Shards::try_new(1..=count).expect("numbers that differ");
        let ring = |points| {
            placed(ConsistentHash::try_new(&shards, points).expect("a sensible number of points"))
        };
        match self {
            Self::Slots => placed(slots()),
            Self::Ring => ring(POINTS),
            Self::RingMany => ring(POINTS_MANY),
            Self::Rendezvous => placed(Rendezvous::new(&shards)),
            Self::Modulo => placed(Modulo::new(&shards)),
            Self::SortedArray => sorted_array(count, POINTS),
            Self::SortedArrayFew => sorted_array(count, POINTS_FEW),
            Self::Anchor => anchor(count),
            Self::HashRing => hash_ring(count, POINTS),
            Self::HashRingFew => hash_ring(count, POINTS_FEW),
            Self::ConsistentHashRing => consistent_hash_ring(count, POINTS),
            Self::ConsistentHashRingFew => consistent_hash_ring(count, POINTS_FEW),
        }
    }
}

/// A placement of keys that are numbers.
pub(crate) trait Contender {
    fn place(&self, key: u64) -> u16;

    /// Looks all of them up. The sum is there so that nothing is left out.
    fn place_all(&self, keys: &[u64]) -> u64;
}

/// So that the loop over keys is compiled for each contender, and no call is measured.
struct Lookup<F>(F);

impl<F: Fn(u64) -> u16> Contender for Lookup<F> {
    fn place(&self, key: u64) -> u16 {
        (self.0)(key)
    }

    fn place_all(&self, keys: &[u64]) -> u64 {
        keys.iter().map(|key| u64::from((self.0)(*key))).sum()
    }
}

fn placed(placement: impl Placement + 'static) -> Box<dyn Contender> {
    Box::new(Lookup(move |key| placement.shard_of(Key::Number(key)).0))
}

fn slots() -> SlotMap {
    let shards = Shards::try_new(1..=16).expect("numbers that differ");
    SlotMap::try_new(shards, 16_384).expect("more slots than shards")
}

/// After all moves that the plan has.
fn joined(map: &SlotMap) -> SlotMap {
    let joined = map.after(&Change::Join(ShardId(17).into())).expect("it is new");
    let moves = joined.plan();
    let arrived = moves.iter().map(|one| one.slot).collect();
    let started = joined.after(&Change::Start(moves)).expect("it is the map's own plan");
    started.after(&Change::Finish(arrived)).expect("they are on their way")
}

/// What one writes oneself in ten lines.
fn sorted_array(count: u16, points: u32) -> Box<dyn Contender> {
    let hash = |key: u64| Key::Number(key).hashed();
    let each = |shard: u16| {
        (0..points).map(move |point| (hash(hash(u64::from(shard) << 32 | u64::from(point))), shard))
    };
    let mut array: Vec<(u64, u16)> = (1..=count).flat_map(each).collect();
    array.sort_unstable();
    Box::new(Lookup(move |key| {
        let key = hash(key);
        let next = array.partition_point(|(point, _)| *point < key);
        array.get(next).unwrap_or(&array[0]).1
    }))
}

/// With room for twice as many, and the hash that its documentation names for small keys.
fn anchor(count: u16) -> Box<dyn Contender> {
    let anchor = anchorhash::Builder::with_hasher(FnvBuildHasher::default())
        .with_resources(1..=count)
        .build::<u64>(32);
    Box::new(Lookup(move |key| *anchor.get_resource(key).expect("it has shards")))
}

/// It has one point per node, so that each point is a node.
fn hash_ring(count: u16, points: u32) -> Box<dyn Contender> {
    let mut ring = hashring::HashRing::new();
    let each = |shard| (0..points).map(move |point| (shard, point));
    ring.batch_add((1..=count).flat_map(each).collect());
    Box::new(Lookup(move |key| ring.get(&key).expect("it has shards").0))
}

fn consistent_hash_ring(count: u16, points: u32) -> Box<dyn Contender> {
    let builder = consistent_hash_ring::RingBuilder::default().vnodes(points as usize);
    let ring = builder.nodes_iter(1..=count).build();
    Box::new(Lookup(move |key| *ring.get(key)))
}
