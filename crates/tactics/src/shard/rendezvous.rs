//! Rendezvous hashing: every shard bids for a key, and the highest bid has it.
//!
//! After Thaler and Ravishankar, "Using name-based mappings to increase hit rates" (IEEE/ACM ToN
//! 1998). A shard that comes outbids others for its share of the keys and moves no other; one that
//! goes leaves each of its keys to the next bidder. There is nothing to store or to tune, and the
//! spread is as even as the keys' own chance. A lookup asks every shard: fine for tens of them.

use super::key::{Key, split_mix};
use super::logarithm::negative_log2;
use super::placement::Placement;
use super::shards::{Member, ShardId, Shards};

/// Keeps bids apart from the points of a ring and from keys.
const SALT: u64 = 0x1E6F_B8D2_40A7_C395;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Bidder {
    shard: ShardId,
    weight: u64,
    seed: u64,
}

/// The highest bidder of all shards.
///
/// A shard of weight 2 wins twice as many keys as one of weight 1: the bid is the logarithm of a
/// random number over the weight (Schindelhauer and Schomaker, SPAA 2005). In whole numbers, since
/// the last bit of a float's logarithm depends on the machine, and the place of a row must not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rendezvous {
    shards: Vec<ShardId>,
    bidders: Vec<Bidder>,
    is_even: bool,
}

impl Rendezvous {
    /// Over all shards that take something.
    pub fn new(shards: &Shards) -> Self {
        let bidder = |Member { shard, weight }| Bidder {
            shard,
            weight: u64::from(weight),
            seed: split_mix(split_mix(u64::from(shard.0)) ^ SALT),
        };
        let bidders: Vec<Bidder> = shards.taking().map(bidder).collect();
        let is_even = bidders.windows(2).all(|pair| pair[0].weight == pair[1].weight);
        let shards = bidders.iter().map(|bidder| bidder.shard).collect();
        Self { shards, bidders, is_even }
    }

    fn highest(&self, hash: u64) -> ShardId {
        let bid = |bidder: &Bidder| split_mix(hash ^ bidder.seed);
        let mut best = (bid(&self.bidders[0]), self.bidders[0].shard);
        for bidder in &self.bidders[1..] {
            // No two bids are equal: the seeds differ, and the hash is a bijection.
            best = best.max((bid(bidder), bidder.shard));
        }
        best.1
    }

    fn highest_by_weight(&self, hash: u64) -> ShardId {
        let bid = |bidder: &Bidder| {
            let drawn = split_mix(hash ^ bidder.seed);
            (u128::from(negative_log2(drawn)), drawn)
        };
        let mut best = (self.bidders[0], bid(&self.bidders[0]));
        for bidder in &self.bidders[1..] {
            let (cost, drawn) = bid(bidder);
            let (leader, (leader_cost, leader_drawn)) = best;
            // cost / weight without a division. Where the logarithm is too coarse to tell two bids
            // apart the draw does, so that equal weights are the same as none.
            let mine = cost * u128::from(leader.weight);
            let theirs = leader_cost * u128::from(bidder.weight);
            if mine < theirs || (mine == theirs && drawn > leader_drawn) {
                best = (*bidder, (cost, drawn));
            }
        }
        best.0.shard
    }
}

impl Placement for Rendezvous {
    fn shard_of(&self, key: Key<'_>) -> ShardId {
        let hash = key.hashed();
        if self.is_even { self.highest(hash) } else { self.highest_by_weight(hash) }
    }

    fn shards(&self) -> &[ShardId] {
        &self.shards
    }
}
