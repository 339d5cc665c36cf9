//! How evenly a placement spreads keys, and how many of them a change moves.

use super::key::Key;
use super::placement::Placement;
use super::shards::ShardId;

/// How many keys each shard has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spread {
    /// Of every shard, ascending by number; those without keys too.
    pub counts: Vec<(ShardId, u64)>,
}

impl Spread {
    /// All keys.
    pub fn total(&self) -> u64 {
        self.counts.iter().map(|(_, count)| count).sum()
    }

    /// The keys of the fullest shard over those of an average one: 1 is even. It says how much
    /// larger the fullest server must be.
    pub fn max_over_mean(&self) -> f64 {
        let fullest = self.counts.iter().map(|(_, count)| *count).max().unwrap_or(0);
        fullest as f64 * self.counts.len() as f64 / self.total() as f64
    }
}

/// Counts `keys` by shard.
///
/// ```
/// use standfast_tactics::shard::{Key, Shards, SlotMap, spread};
/// let map = SlotMap::try_new(Shards::try_new(1..=16)?, 16_384)?;
/// let spread = spread(&map, (0..1_000_000).map(Key::Number));
/// assert!(spread.max_over_mean() < 1.05, "{spread:?}");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn spread<'a>(
    placement: &(impl Placement + ?Sized),
    keys: impl IntoIterator<Item = Key<'a>>,
) -> Spread {
    let mut counts: Vec<(ShardId, u64)> =
        placement.shards().iter().map(|shard| (*shard, 0)).collect();
    for key in keys {
        let shard = placement.shard_of(key);
        if let Ok(index) = placement.shards().binary_search(&shard) {
            counts[index].1 += 1;
        }
    }
    Spread { counts }
}

/// What a change of the placement did to keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Movement {
    /// How many were looked at.
    pub keys: u64,
    /// How many lie elsewhere now.
    pub moved: u64,
    /// How many of these went from a shard that stayed to one that was there before: no shard that
    /// came or went is the reason.
    pub between_old: u64,
}

impl Movement {
    /// The share of keys that moved.
    pub fn share(&self) -> f64 {
        self.moved as f64 / self.keys as f64
    }
}

/// Counts which of `keys` lie elsewhere `after` a change than `before`.
pub fn movement<'a>(
    before: &(impl Placement + ?Sized),
    after: &(impl Placement + ?Sized),
    keys: impl IntoIterator<Item = Key<'a>>,
) -> Movement {
    let mut movement = Movement { keys: 0, moved: 0, between_old: 0 };
    for key in keys {
        let (from, to) = (before.shard_of(key), after.shard_of(key));
        movement.keys += 1;
        if from == to {
            continue;
        }
        movement.moved += 1;
        let stayed = after.shards().binary_search(&from).is_ok();
        let was_there = before.shards().binary_search(&to).is_ok();
        movement.between_old += u64::from(stayed && was_there);
    }
    movement
}
