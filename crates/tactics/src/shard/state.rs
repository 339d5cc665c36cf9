//! The slot map: who owns which slot, what is on its way, and in which epoch that holds.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::form::Form;
use super::key::Key;
use super::placement::Placement;
use super::plan::{self, Move};
use super::shards::{Member, ShardId, Shards, ShardsError};

/// A group of keys that lie, and move, together.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, Default,
)]
#[serde(transparent)]
pub struct Slot(pub u16);

impl fmt::Display for Slot {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "slot {}", self.0)
    }
}

/// The number of a version of the map. Each change takes the next one.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, Default,
)]
#[serde(transparent)]
pub struct Epoch(pub u64);

impl Epoch {
    /// That of the version after this one.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

impl fmt::Display for Epoch {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "epoch {}", self.0)
    }
}

/// A fixed number of slots, each owned by one shard. A value: a change makes another map, with the
/// next epoch, that [`super::Published`] or a table takes in place of this one.
///
/// Its serialised form is checked when it is read, see the module's documentation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Form", into = "Form")]
pub struct SlotMap {
    pub(super) epoch: Epoch,
    /// By slot.
    pub(super) owners: Vec<ShardId>,
    /// To whom the slots go that are on their way. Their owner is still the old one.
    pub(super) moving: BTreeMap<Slot, ShardId>,
    pub(super) shards: Shards,
}

/// What can be changed about a map.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Change {
    /// A shard comes. It owns nothing yet, see [`SlotMap::plan`].
    Join(Member),
    /// A shard gets another weight; 0 empties it.
    Weigh(Member),
    /// A shard that owns nothing goes.
    Leave(ShardId),
    /// These slots are on their way: their rows are being copied.
    Start(Vec<Move>),
    /// These slots have arrived: from this epoch on their new shard owns them.
    Finish(Vec<Slot>),
    /// These slots stay where they are.
    Abort(Vec<Slot>),
}

/// Why there is no such map.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MapError {
    /// The slot is the highest bits of a hash.
    #[error("{0} slots: their number must be a power of two from 16 to 65536")]
    SlotCount(usize),
    /// Some shard would have none.
    #[error("{shards} shards cannot share {slots} slots")]
    TooManyShards {
        /// How many take something.
        shards: usize,
        /// How many slots there are.
        slots: usize,
    },
    /// The shards are no set.
    #[error(transparent)]
    Shards(#[from] ShardsError),
    /// It is not in the map.
    #[error("{0} is not in the map")]
    UnknownShard(ShardId),
    /// There is no such slot.
    #[error("{0} is not in the map")]
    UnknownSlot(Slot),
    /// It still has data.
    #[error("{shard} cannot leave: it owns {owned} slots, and {coming} are on their way to it")]
    NotEmpty {
        /// Who.
        shard: ShardId,
        /// How many slots are its own.
        owned: usize,
        /// How many are to come.
        coming: usize,
    },
    /// A slot goes from its owner to another shard, once at a time.
    #[error("{0} cannot start to move: it moves already, or does not go from its owner to another")]
    NoMove(Slot),
    /// It is not on its way.
    #[error("{0} is not on its way")]
    NotMoving(Slot),
}

/// What a shard answers to a request that was routed by some map.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It owns the slot.
    Serve,
    /// It does not, and tells who does.
    Elsewhere {
        /// The owner.
        owner: ShardId,
        /// In which epoch: the router should get that map, or a later one.
        epoch: Epoch,
    },
    /// The request knows a later map. The shard must get that first: it may own the slot no more.
    Behind {
        /// The shard's epoch.
        epoch: Epoch,
    },
}

impl SlotMap {
    /// The first map: each shard owns a range of slots, as long as its weight says.
    ///
    /// ```
    /// use standfast_tactics::shard::{Key, Placement, Shards, SlotMap};
    /// let map = SlotMap::try_new(Shards::try_new(1..=4)?, 4096)?;
    /// let shard = map.shard_of(Key::from("user 17"));
    /// assert!(map.shards().contains(&shard));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// When `slots` is no power of two from 16 to 65536, or smaller than the number of shards.
    pub fn try_new(shards: Shards, slots: usize) -> Result<Self, MapError> {
        check_size(&shards, slots)?;
        let none = vec![0; shards.members().len()];
        let quotas = plan::quotas(&shards, slots, &none);
        let ranges = shards.ids().iter().zip(quotas);
        let owners = ranges.flat_map(|(shard, quota)| std::iter::repeat_n(*shard, quota));
        Ok(Self::assembled(Epoch(1), owners.collect(), BTreeMap::new(), shards))
    }

    /// From parts that fit each other.
    pub(super) fn assembled(
        epoch: Epoch,
        owners: Vec<ShardId>,
        moving: BTreeMap<Slot, ShardId>,
        shards: Shards,
    ) -> Self {
        Self { epoch, owners, moving, shards }
    }

    /// The map that others have stored in their own form: the owner of each slot, and where slots
    /// are on their way to. Their number may be any, if rows carry their slots.
    ///
    /// # Errors
    /// When there is no slot or more than 65536, an owner is none of `shards`, or a slot cannot be
    /// on its way so.
    pub fn of_owners(
        epoch: Epoch,
        owners: Vec<ShardId>,
        shards: Shards,
        moving: impl IntoIterator<Item = (Slot, ShardId)>,
    ) -> Result<Self, MapError> {
        if !(1..=65_536).contains(&owners.len()) {
            return Err(MapError::SlotCount(owners.len()));
        }
        let mut map = Self::assembled(epoch, owners, BTreeMap::new(), shards);
        for owner in &map.owners {
            map.known(*owner)?;
        }
        for (slot, to) in moving {
            let from = map.owner(slot).ok_or(MapError::UnknownSlot(slot))?;
            map.start(Move { slot, from, to })?;
        }
        Ok(map)
    }

    /// The version.
    pub fn epoch(&self) -> Epoch {
        self.epoch
    }

    /// How many slots there are: always the same number.
    pub fn slots(&self) -> usize {
        self.owners.len()
    }

    /// The shards with their weights.
    pub fn members(&self) -> &Shards {
        &self.shards
    }

    /// The slot of a key: its hash as a fraction of all hashes, which for a power of two slots is
    /// the highest bits. It never changes.
    #[inline]
    pub fn slot_of(&self, key: Key<'_>) -> Slot {
        let scaled = u128::from(key.hashed()) * self.owners.len() as u128;
        Slot((scaled >> u64::BITS) as u16)
    }

    /// Who owns a slot.
    pub fn owner(&self, slot: Slot) -> Option<ShardId> {
        self.owners.get(usize::from(slot.0)).copied()
    }

    /// To whom a slot is on its way.
    pub fn destination(&self, slot: Slot) -> Option<ShardId> {
        self.moving.get(&slot).copied()
    }

    /// What is on its way, by slot.
    pub fn moving(&self) -> impl Iterator<Item = Move> {
        self.moving.iter().map(|(slot, to)| {
            let from = self.owners[usize::from(slot.0)];
            Move { slot: *slot, from, to: *to }
        })
    }

    /// The slots that a shard owns, ascending.
    pub fn owned(&self, shard: ShardId) -> impl Iterator<Item = Slot> {
        let slots = (0..=u16::MAX).map(Slot).zip(&self.owners);
        slots.filter(move |(_, owner)| **owner == shard).map(|(slot, _)| slot)
    }

    /// The fewest moves after which each shard owns what its weight says. What is on its way
    /// counts as arrived, and is left alone. The same map has the same plan.
    pub fn plan(&self) -> Vec<Move> {
        plan::plan(self)
    }

    /// What `shard`, which knows this map, answers to a request for `slot` that was routed by a map
    /// of `epoch`. A router that is late does no harm as long as it came to the owner.
    pub fn judge(&self, shard: ShardId, slot: Slot, epoch: Epoch) -> Verdict {
        match self.owner(slot) {
            _ if epoch > self.epoch => Verdict::Behind { epoch: self.epoch },
            Some(owner) if owner != shard => Verdict::Elsewhere { owner, epoch: self.epoch },
            Some(_) => Verdict::Serve,
            // All maps of a system have the same number of slots: it is of another system.
            None => Verdict::Behind { epoch: self.epoch },
        }
    }

    /// The map of the next epoch.
    ///
    /// # Errors
    /// When `change` does not fit this map. Nothing of it is done then.
    pub fn after(&self, change: &Change) -> Result<Self, MapError> {
        let mut next = self.clone();
        next.epoch = self.epoch.next();
        match change {
            Change::Join(member) => next.join(*member)?,
            Change::Weigh(member) => next.weigh(*member)?,
            Change::Leave(shard) => next.leave(*shard)?,
            Change::Start(moves) => {
                for one in moves {
                    next.start(*one)?;
                }
            }
            Change::Finish(slots) => {
                for slot in slots {
                    let to = next.moving.remove(slot).ok_or(MapError::NotMoving(*slot))?;
                    next.owners[usize::from(slot.0)] = to;
                }
            }
            Change::Abort(slots) => {
                for slot in slots {
                    next.moving.remove(slot).ok_or(MapError::NotMoving(*slot))?;
                }
            }
        }
        Ok(next)
    }

    fn join(&mut self, member: Member) -> Result<(), MapError> {
        let members = self.shards.members().iter().copied().chain([member]);
        self.shards = Shards::try_new(members)?;
        self.check_shares()
    }

    fn weigh(&mut self, member: Member) -> Result<(), MapError> {
        self.known(member.shard)?;
        let others = self.shards.members().iter().filter(|other| other.shard != member.shard);
        self.shards = Shards::try_new(others.copied().chain([member]))?;
        self.check_shares()
    }

    /// Each shard that takes something must get a slot.
    fn check_shares(&self) -> Result<(), MapError> {
        let (shards, slots) = (self.shards.taking().count(), self.slots());
        if shards > slots { Err(MapError::TooManyShards { shards, slots }) } else { Ok(()) }
    }

    fn leave(&mut self, shard: ShardId) -> Result<(), MapError> {
        self.known(shard)?;
        let owned = self.owned(shard).count();
        let coming = self.moving.values().filter(|to| **to == shard).count();
        if owned + coming > 0 {
            return Err(MapError::NotEmpty { shard, owned, coming });
        }
        let others = self.shards.members().iter().filter(|other| other.shard != shard);
        self.shards = Shards::try_new(others.copied())?;
        Ok(())
    }

    pub(super) fn start(&mut self, one: Move) -> Result<(), MapError> {
        let Move { slot, from, to } = one;
        self.known(to)?;
        let owner = self.owner(slot).ok_or(MapError::UnknownSlot(slot))?;
        if owner != from || to == from || self.moving.contains_key(&slot) {
            return Err(MapError::NoMove(slot));
        }
        self.moving.insert(slot, to);
        Ok(())
    }

    fn known(&self, shard: ShardId) -> Result<(), MapError> {
        self.shards.position(shard).map(|_| ()).ok_or(MapError::UnknownShard(shard))
    }
}

pub(super) fn check_size(shards: &Shards, slots: usize) -> Result<(), MapError> {
    if !slots.is_power_of_two() || !(16..=65_536).contains(&slots) {
        return Err(MapError::SlotCount(slots));
    }
    let taking = shards.taking().count();
    if taking > slots {
        return Err(MapError::TooManyShards { shards: taking, slots });
    }
    Ok(())
}

impl Placement for SlotMap {
    #[inline]
    fn shard_of(&self, key: Key<'_>) -> ShardId {
        self.owners[usize::from(self.slot_of(key).0)]
    }

    fn shards(&self) -> &[ShardId] {
        self.shards.ids()
    }
}
