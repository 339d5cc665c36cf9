//! How evenly the ways to place keys spread them, and how many of them a further shard moves.

use serde::Serialize;
use standfast_tactics::shard::{
    ConsistentHash, Key, Modulo, Placement, Rendezvous, Shards, SlotMap, movement, spread,
};

use crate::service::problem::Problem;

/// Points of a shard on the ring: with this many the fullest has 1.05 times the mean at most.
const POINTS: u32 = 4096;

/// As many as the shop has for its few shards; more shards need more to be even.
const SLOTS: usize = 16_384;

/// Figures of one way to place keys.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Figures {
    placement: &'static str,
    /// The fullest shard over an average one.
    max_over_mean: f64,
    /// The share of keys that a further shard moves.
    moved: f64,
    /// Over the share that it takes at least.
    moved_over_ideal: f64,
    counts: Vec<u64>,
}

/// Places the keys 0, 1, 2… on `shards`, and on one more.
pub(super) fn compare(keys: u64, shards: u16) -> Result<Vec<Figures>, Problem> {
    let wrong = |error: &dyn std::fmt::Display| Problem::unprocessable(error.to_string());
    let before = Shards::try_new(1..=shards).map_err(|error| wrong(&error))?;
    let after = Shards::try_new(1..=shards + 1).map_err(|error| wrong(&error))?;
    let ring = |shards| ConsistentHash::try_new(shards, POINTS).map_err(|error| wrong(&error));
    let slots = SlotMap::try_new(before.clone(), SLOTS).map_err(|error| wrong(&error))?;
    Ok(vec![
        figures("modulo", &Modulo::new(&before), &Modulo::new(&after), keys),
        figures("ring", &ring(&before)?, &ring(&after)?, keys),
        figures("rendezvous", &Rendezvous::new(&before), &Rendezvous::new(&after), keys),
        figures("slots", &slots, &joined(&slots, shards + 1).map_err(|e| wrong(&e))?, keys),
    ])
}

/// The map after one more shard has taken its share.
fn joined(map: &SlotMap, shard: u16) -> Result<SlotMap, standfast_tactics::shard::MapError> {
    use standfast_tactics::shard::Change;
    let map = map.after(&Change::Join(shard.into()))?;
    let moves = map.plan();
    let slots = moves.iter().map(|one| one.slot).collect();
    map.after(&Change::Start(moves))?.after(&Change::Finish(slots))
}

fn figures(
    placement: &'static str,
    before: &impl Placement,
    after: &impl Placement,
    keys: u64,
) -> Figures {
    let all = || (0..keys).map(Key::Number);
    let spread = spread(before, all());
    let moved = movement(before, after, all()).share();
    Figures {
        placement,
        max_over_mean: spread.max_over_mean(),
        moved,
        moved_over_ideal: moved * after.shards().len() as f64,
        counts: spread.counts.into_iter().map(|(_, count)| count).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_are_even_and_move_little_and_the_remainder_moves_nearly_all() {
        let figures = compare(200_000, 16).unwrap();
        let of = |name| figures.iter().find(|figures| figures.placement == name).unwrap();
        let (slots, modulo) = (of("slots"), of("modulo"));
        assert!(slots.max_over_mean < 1.05, "{slots:?}");
        assert!((0.95..1.05).contains(&slots.moved_over_ideal), "{slots:?}");
        assert!((0.93..0.95).contains(&modulo.moved), "{modulo:?}");
        assert_eq!(slots.counts.iter().sum::<u64>(), 200_000);
    }
}
