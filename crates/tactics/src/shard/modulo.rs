//! The remainder of a hash: what everybody begins with, and why one stops.

use super::key::Key;
use super::placement::Placement;
use super::shards::{ShardId, Shards};

/// `int(md5(key).hexdigest(), 16) % N`, in the order of the shards' numbers.
///
/// Evenly spread (the remainder of 128 bits favours nobody), without any state, and the same in
/// every language. But of N shards and one more, a key keeps its place only if two remainders
/// agree: N / (N + 1) of all keys move, 94 % when the 17th comes. Weights other than 0 are ignored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Modulo {
    shards: Vec<ShardId>,
}

impl Modulo {
    /// Over all shards that take something.
    pub fn new(shards: &Shards) -> Self {
        Self { shards: shards.taking().map(|member| member.shard).collect() }
    }
}

impl Placement for Modulo {
    fn shard_of(&self, key: Key<'_>) -> ShardId {
        self.shards[(key.md5() % self.shards.len() as u128) as usize]
    }

    fn shards(&self) -> &[ShardId] {
        &self.shards
    }
}
