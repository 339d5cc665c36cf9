//! What all ways to place keys have in common.

use super::key::Key;
use super::shards::ShardId;

/// A rule that says on which shard a key lies.
///
/// It only says so: after a change the rows still lie where the old rule put them. Somebody has to
/// move them, and until then both rules hold for some of the keys. Of the placements here only
/// [`super::SlotMap`] can express that.
pub trait Placement {
    /// Where this key lies.
    fn shard_of(&self, key: Key<'_>) -> ShardId;

    /// The shards that keys are placed on, ascending.
    fn shards(&self) -> &[ShardId];
}
