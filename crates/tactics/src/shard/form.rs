//! The slot map as it is stored and sent: checked as a whole when it is read.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::key::HASH;
use super::plan::Move;
use super::shards::{ShardId, Shards};
use super::state::{Epoch, MapError, Slot, SlotMap, check_size};

/// Slots that follow each other and have one owner.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Run {
    first: Slot,
    /// The last one is in it.
    last: Slot,
    shard: ShardId,
}

/// What is written. Unknown fields are refused: they would be lost with the next change.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Form {
    /// How keys become slots. A map of another hash must not be read as one of this.
    hash: String,
    epoch: Epoch,
    slots: usize,
    shards: Shards,
    owners: Vec<Run>,
    moving: Vec<Move>,
}

/// Why what was read is no map.
#[derive(Debug, thiserror::Error)]
pub(super) enum FormError {
    #[error("slot map: keys are hashed by `{0}`, and this program knows only `{HASH}`")]
    Hash(String),
    #[error("slot map: {0}")]
    Map(#[from] MapError),
    #[error("slot map: {0} has no owner, or more than one")]
    Owner(Slot),
}

impl From<SlotMap> for Form {
    fn from(map: SlotMap) -> Self {
        let mut owners: Vec<Run> = Vec::new();
        for (slot, shard) in (0..=u16::MAX).map(Slot).zip(&map.owners) {
            match owners.last_mut() {
                Some(run) if run.shard == *shard => run.last = slot,
                _ => owners.push(Run { first: slot, last: slot, shard: *shard }),
            }
        }
        Self {
            hash: HASH.to_owned(),
            epoch: map.epoch,
            slots: map.slots(),
            moving: map.moving().collect(),
            owners,
            shards: map.shards,
        }
    }
}

impl TryFrom<Form> for SlotMap {
    type Error = FormError;

    fn try_from(form: Form) -> Result<Self, FormError> {
        if form.hash != HASH {
            return Err(FormError::Hash(form.hash));
        }
        check_size(&form.shards, form.slots)?;
        let mut owners = Vec::with_capacity(form.slots);
        for run in &form.owners {
            if usize::from(run.first.0) != owners.len() || run.last < run.first {
                return Err(FormError::Owner(run.first));
            }
            let is_known = form.shards.position(run.shard).is_some();
            if !is_known {
                return Err(MapError::UnknownShard(run.shard).into());
            }
            let length = usize::from(run.last.0 - run.first.0) + 1;
            owners.extend(std::iter::repeat_n(run.shard, length));
        }
        if owners.len() != form.slots {
            let first_wrong = owners.len().min(form.slots).try_into().unwrap_or(u16::MAX);
            return Err(FormError::Owner(Slot(first_wrong)));
        }
        let mut map = Self::assembled(form.epoch, owners, BTreeMap::new(), form.shards);
        for one in form.moving {
            map.start(one)?;
        }
        Ok(map)
    }
}
