//! Consistent hashing: a key lies on the shard whose point follows it on a ring.
//!
//! After Karger et al., "Consistent Hashing and Random Trees" (STOC 1997). Each shard has many
//! points, since the arcs between few are of very different length. The shares of shards with V
//! points each differ by about 1 / √V: 100 points, which many libraries take, give a shard of
//! sixteen 20 % too much; see [`ConsistentHash::try_new`].

use super::key::{Key, split_mix};
use super::placement::Placement;
use super::shards::{ShardId, Shards};

/// More would be tens of megabytes.
const POINTS_MAX: u64 = 1 << 22;

/// The lower bits of an entry, which hold the shard.
const SHARD_BITS: u32 = 16;

/// Keeps points apart from keys: without it the keys 0, 1, 2… would lie on the points of shard 0.
const SALT: u64 = 0x5A1D_7C0B_93E6_24FF;

/// A ring with virtual nodes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConsistentHash {
    shards: Vec<ShardId>,
    /// Ascending: the highest 48 bits are a point, the lowest 16 its shard. The last one closes the
    /// ring.
    entries: Vec<u64>,
    /// Where the entries begin that are not below `bucket << shift`: a search of one or two steps,
    /// since points are spread evenly.
    starts: Vec<u32>,
    shift: u32,
}

/// Why there is no such ring.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("ring: {points} points in all, which must be from 1 to {POINTS_MAX}")]
pub struct RingError {
    points: u64,
}

impl ConsistentHash {
    /// A ring in which a shard has `points` points for each unit of its weight.
    ///
    /// Exact shares, by lengths of arcs, of 16 shards of weight 1 and a 17th, over 1,000 choices of
    /// their numbers (`cargo xtask bench shard --choices 1000` repeats it):
    ///
    /// | points | fullest / mean: median, 1 in 100 | what the 17th takes / ideal: 1 in 100 |
    /// |---:|---|---|
    /// | 40 | 1.29, 1.55 | 1.40 |
    /// | 160 | 1.14, 1.27 | 1.19 |
    /// | 1,024 | 1.05, 1.10 | 1.07 |
    /// | 4,096 | 1.03, 1.05 | 1.03 |
    /// | 16,384 | 1.01, 1.02 | 1.02 |
    ///
    /// So a ring keeps 1.05 with 4,096 points per shard, and moves no more than 1.02 of the ideal
    /// with 16,384: 2 MB for 16 shards. What the 17th takes is right on average with any number.
    ///
    /// # Errors
    /// When there would be no point, or more than four million.
    pub fn try_new(shards: &Shards, points: u32) -> Result<Self, RingError> {
        let total = shards.taking().map(|member| u64::from(member.weight)).sum::<u64>();
        let total = total * u64::from(points);
        if !(1..=POINTS_MAX).contains(&total) {
            return Err(RingError { points: total });
        }
        let mut entries: Vec<u64> = Vec::with_capacity(total as usize + 1);
        for member in shards.taking() {
            let count = u64::from(member.weight) * u64::from(points);
            let shard = u64::from(member.shard.0);
            entries.extend((0..count).map(|index| {
                let point = split_mix(split_mix(shard << 48 | index) ^ SALT);
                place(point) | shard
            }));
        }
        entries.sort_unstable();
        // Two shards on one point: the lower number has it, in whatever order they were listed.
        entries.dedup_by_key(|entry| place(*entry));
        let first = entries[0];
        entries.push(place(u64::MAX) | (first ^ place(first)));
        let bits = total.next_power_of_two().trailing_zeros().max(1);
        let shift = u64::BITS - bits;
        let mut starts = Vec::with_capacity(1 << bits);
        let mut index = 0;
        for bucket in 0..1_u64 << bits {
            while entries[index as usize] < bucket << shift {
                index += 1;
            }
            starts.push(index);
        }
        let shards = shards.taking().map(|member| member.shard).collect();
        Ok(Self { shards, entries, starts, shift })
    }

    /// The share of each shard of all possible keys, in the order of [`Placement::shards`].
    pub fn shares(&self) -> Vec<f64> {
        let mut lengths = vec![0_u64; self.shards.len()];
        let mut before = 0;
        for entry in &self.entries {
            let point = entry >> SHARD_BITS;
            let shard = shard_at(*entry);
            let index = self.shards.binary_search(&shard).unwrap_or(0);
            lengths[index] += point - before;
            before = point;
        }
        let whole: u64 = lengths.iter().sum();
        lengths.into_iter().map(|length| length as f64 / whole as f64).collect()
    }
}

/// The bits of an entry that are its point.
fn place(entry: u64) -> u64 {
    entry >> SHARD_BITS << SHARD_BITS
}

fn shard_at(entry: u64) -> ShardId {
    ShardId((entry & ((1 << SHARD_BITS) - 1)) as u16)
}

impl Placement for ConsistentHash {
    #[inline]
    fn shard_of(&self, key: Key<'_>) -> ShardId {
        let hash = key.hashed();
        let mut index = self.starts[(hash >> self.shift) as usize] as usize;
        let key = place(hash);
        // The last entry is above all keys.
        while self.entries[index] < key {
            index += 1;
        }
        shard_at(self.entries[index])
    }

    fn shards(&self) -> &[ShardId] {
        &self.shards
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_key_lies_at_the_next_point_as_a_plain_search_finds_it(
            ids in prop::collection::btree_set(any::<u16>(), 1..20),
            points in 1..50_u32,
            keys in prop::collection::vec(any::<u64>(), 50),
        ) {
            let shards = Shards::try_new(ids.iter().copied()).expect("a set");
            let ring = ConsistentHash::try_new(&shards, points).expect("few points");
            let plain: Vec<(u64, u16)> = ids
                .iter()
                .flat_map(|&id| (0..points).map(move |index| (id, index)))
                .map(|(id, index)| {
                    let point = split_mix(split_mix(u64::from(id) << 48 | u64::from(index)) ^ SALT);
                    (point >> SHARD_BITS, id)
                })
                .collect();
            for key in keys {
                let hash = Key::Number(key).hashed() >> SHARD_BITS;
                let next = plain.iter().filter(|(point, _)| *point >= hash).min();
                let expected = next.or(plain.iter().min()).map(|(_, id)| ShardId(*id));
                prop_assert_eq!(Some(ring.shard_of(Key::Number(key))), expected);
            }
        }
    }
}
