//! The janitor: what bears the name of a move that has ended, or that nobody knows, is taken away.
//!
//! A slot that nobody reads keeps the log of its server for ever, until the disk is full; a ghost
//! may have made one after its move was over.

use std::collections::BTreeSet;

use crate::shard::Leftover;

use super::{Coordinator, ReshardError, Unreached};

/// What was taken away, and what could not be.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Swept {
    pub removed: Vec<Leftover>,
    /// With the reason.
    pub kept: Vec<(Leftover, String)>,
    /// Shards that nobody could look at.
    pub unreached: Vec<Unreached>,
}

impl Coordinator {
    /// Takes away what no open move owns. Nobody else makes such things now: we have the lock.
    pub async fn sweep(&mut self) -> Result<Swept, ReshardError> {
        let unreached = self.reach_all().await?;
        let open: BTreeSet<u64> =
            self.catalog.open_moves().await?.into_iter().map(|record| record.id).collect();
        let mut found = Vec::new();
        for (index, shard) in self.shards.iter().enumerate() {
            let Some(shard) = shard else { continue };
            let leftovers = shard.leftovers().await?;
            found.extend(leftovers.into_iter().map(|leftover| (leftover.kind, index, leftover)));
        }
        // Subscriptions first, on all shards: a slot in use cannot be dropped.
        found.sort_unstable();
        let mut swept = Swept { unreached, ..Swept::default() };
        for (_, index, leftover) in found {
            let Some(shard) = &self.shards[index] else { continue };
            if open.contains(&leftover.id) {
                continue;
            }
            match shard.remove(&leftover).await {
                Ok(()) => swept.removed.push(leftover),
                Err(error) => swept.kept.push((leftover, error.to_string())),
            }
        }
        Ok(swept)
    }

    /// Everything that bears the name of a move, also of one that is under way, on the shards that
    /// could be reached at the last look.
    pub async fn leftovers(&self) -> Result<Vec<Leftover>, ReshardError> {
        let mut found = Vec::new();
        for shard in self.shards.iter().flatten() {
            found.extend(shard.leftovers().await?);
        }
        Ok(found)
    }
}
