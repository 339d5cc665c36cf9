//! How many slots each shard should own, and the fewest moves that make it so.

use serde::{Deserialize, Serialize};

use super::shards::{ShardId, Shards};
use super::state::{Slot, SlotMap};

/// A slot that goes from its owner to another shard.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Move {
    /// What moves.
    pub slot: Slot,
    /// Who owns it until it has arrived.
    pub from: ShardId,
    /// Who owns it then.
    pub to: ShardId,
}

/// How many of `slots` each member should own, who now owns `owned`: its share by weight, rounded
/// so that the sum is right. Who is nearest to one more gets it; among equals who has it already,
/// then the lower number.
pub(super) fn quotas(shards: &Shards, slots: usize, owned: &[usize]) -> Vec<usize> {
    let total: u64 = shards.members().iter().map(|member| u64::from(member.weight)).sum();
    let exact = |weight: u16| u64::from(weight) * slots as u64;
    let mut quotas: Vec<usize> =
        shards.members().iter().map(|member| (exact(member.weight) / total) as usize).collect();
    let missing = slots - quotas.iter().sum::<usize>();
    let mut order: Vec<usize> = (0..quotas.len()).collect();
    order.sort_by_key(|&index| {
        let remainder = exact(shards.members()[index].weight) % total;
        let has_it = owned[index] > quotas[index];
        (std::cmp::Reverse((remainder, has_it)), index)
    });
    for index in order.into_iter().take(missing) {
        quotas[index] += 1;
    }
    quotas
}

/// Each shard that has too much gives its highest slots, to the shards that lack some, by number.
pub(super) fn plan(map: &SlotMap) -> Vec<Move> {
    let shards = map.members();
    let mut settled: Vec<Vec<Slot>> = vec![Vec::new(); shards.ids().len()];
    let mut owned = vec![0; settled.len()];
    for (slot, owner) in (0..=u16::MAX).map(Slot).zip(&map.owners) {
        let destination = map.destination(slot);
        let shard = destination.unwrap_or(*owner);
        let Some(index) = shards.position(shard) else { continue };
        owned[index] += 1;
        if destination.is_none() {
            settled[index].push(slot);
        }
    }
    let quotas = quotas(shards, map.slots(), &owned);
    let with_quota = || owned.iter().zip(&quotas).zip(shards.ids());
    let mut lacking = with_quota().flat_map(|((owned, quota), shard)| {
        std::iter::repeat_n(*shard, quota.saturating_sub(*owned))
    });
    let mut moves = Vec::new();
    for (((owned, quota), from), slots) in with_quota().zip(&settled) {
        // More may be on their way to it than it should have: those are left alone.
        let surplus = owned.saturating_sub(*quota).min(slots.len());
        let to = lacking.by_ref().take(surplus);
        let given = slots[slots.len() - surplus..].iter();
        // In this order: `zip` must not take a recipient that no slot is left for.
        moves.extend(given.zip(to).map(|(slot, to)| Move { slot: *slot, from: *from, to }));
    }
    moves
}
