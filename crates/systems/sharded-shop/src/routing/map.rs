//! The map as a router keeps it: slots and owners of one epoch, and which of them it can reach.

use serde_json::json;
use standfast_tactics::shard::{HASH, Key, ShardId, Slot, SlotMap};
use tokio_postgres::Row;

use crate::service::sessions::DatabaseError;

/// In which epoch the map is.
pub(super) const EPOCH: &str = "SELECT epoch FROM reshard_catalog.map";

/// One statement, one snapshot.
pub(super) const OWNERS: &str = "SELECT m.epoch, o.slot, o.shard FROM reshard_catalog.map m, \
                                 reshard_catalog.owner o ORDER BY o.slot";

/// Who owns which slot. Shards are numbers here: those that have an address first, in the order of
/// their addresses, from 1.
#[derive(Clone, Debug)]
pub(in super::super) struct RoutingMap {
    slots: SlotMap,
    names: Vec<String>,
}

impl RoutingMap {
    /// From the rows of [`OWNERS`].
    pub(super) fn of_rows(rows: &[Row], known: &[String]) -> Result<Self, DatabaseError> {
        let mut owners = Vec::with_capacity(rows.len());
        for row in rows {
            owners.push((row.try_get::<_, i32>(1)?, row.try_get::<_, String>(2)?));
        }
        let epoch = rows.first().map_or(Ok(0), |row| row.try_get::<_, i64>(0))?;
        Self::of(epoch.cast_unsigned(), &owners, known)
    }

    pub(in super::super) fn of(
        epoch: u64,
        owners: &[(i32, String)],
        known: &[String],
    ) -> Result<Self, DatabaseError> {
        let mut names = known.to_vec();
        let mut runs: Vec<(i32, i32, usize)> = Vec::new();
        for (slot, name) in owners {
            let known = names.iter().position(|known| known == name);
            let shard = known.unwrap_or_else(|| {
                names.push(name.clone());
                names.len() - 1
            });
            match runs.last_mut() {
                Some((_, last, owner)) if *owner == shard && *last + 1 == *slot => *last = *slot,
                _ => runs.push((*slot, *slot, shard)),
            }
        }
        let runs: Vec<_> = runs
            .into_iter()
            .map(|(first, last, shard)| json!({ "first": first, "last": last, "shard": shard + 1 }))
            .collect();
        let shards: Vec<_> =
            (1..=names.len()).map(|shard| json!({ "shard": shard, "weight": 1 })).collect();
        let form = json!({
            "hash": HASH, "epoch": epoch, "slots": owners.len(), "shards": shards,
            "owners": runs, "moving": [],
        });
        let slots = serde_json::from_value(form);
        let slots = slots.map_err(|error| DatabaseError::Refused(error.to_string()))?;
        Ok(Self { slots, names })
    }

    pub(in super::super) fn epoch(&self) -> u64 {
        self.slots.epoch().0
    }

    /// The slot of a key.
    pub(in super::super) fn slot_of(&self, key: &str) -> Slot {
        self.slots.slot_of(Key::from(key))
    }

    /// The position of a slot's owner among all shards.
    pub(in super::super) fn owner(&self, slot: Slot) -> usize {
        self.slots.owner(slot).map_or(usize::MAX, |shard| usize::from(shard.0) - 1)
    }

    /// All shards that have an address or own something.
    pub(in super::super) fn names(&self) -> &[String] {
        &self.names
    }

    /// The slots of the shard at this position, ascending.
    pub(in super::super) fn owned(&self, shard: usize) -> impl Iterator<Item = Slot> {
        let shard = u16::try_from(shard + 1).unwrap_or(u16::MAX);
        self.slots.owned(ShardId(shard))
    }
}

#[cfg(test)]
mod tests {
    use standfast_tactics::shard::Shards;

    use super::*;

    fn names(count: usize) -> Vec<String> {
        (1..=count).map(|number| format!("shard-{number}")).collect()
    }

    #[test]
    fn a_key_lies_where_the_slot_map_says() {
        let owners: Vec<_> =
            (0..4096).map(|slot| (slot, format!("shard-{}", slot * 4 / 4096 + 1))).collect();
        let map = RoutingMap::of(7, &owners, &names(5)).unwrap();
        let plain = SlotMap::try_new(Shards::try_new(1..=4).unwrap(), 4096).unwrap();
        assert_eq!(map.epoch(), 7);
        for number in 0..1000 {
            let key = format!("SKU-{number:04}");
            let slot = plain.slot_of(Key::from(key.as_str()));
            assert_eq!(map.slot_of(&key), slot);
            assert_eq!(map.owner(slot) + 1, usize::from(plain.owner(slot).unwrap().0));
        }
        assert_eq!(map.owned(4).count(), 0, "the fifth has an address, and owns nothing yet");
    }

    #[test]
    fn a_shard_without_an_address_is_named_and_not_taken_for_another() {
        let owners: Vec<_> =
            (0..16).map(|slot| (slot, format!("shard-{}", if slot < 8 { 9 } else { 1 }))).collect();
        let map = RoutingMap::of(1, &owners, &names(2)).unwrap();
        assert_eq!(map.owner(Slot(3)), 2);
        assert_eq!(map.names()[2], "shard-9");
        assert_eq!(map.owner(Slot(8)), 0);
    }

    #[test]
    fn a_map_with_a_hole_is_refused() {
        let owners: Vec<_> =
            (0..16).filter(|slot| *slot != 5).map(|slot| (slot, "shard-1".to_owned())).collect();
        assert!(RoutingMap::of(1, &owners, &names(1)).is_err());
    }
}
