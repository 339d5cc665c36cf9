//! The janitor: what bears the name of a move that has ended, or that nobody knows, is taken away.
//!
//! A slot that nobody reads keeps the log of its server for ever, until the disk is full; a ghost
//! may have made one after its move was over.

use std::collections::BTreeSet;

use crate::shard::Leftover;

use super::{Coordinator, ReshardError};

/// What was taken away, and what could not be.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Swept {
    pub removed: Vec<Leftover>,
    /// With the reason.
    pub kept: Vec<(Leftover, String)>,
}

impl Coordinator {
    /// Takes away what no open move owns. Nobody else makes such things now: we have the lock.
    pub async fn sweep(&self) -> Result<Swept, ReshardError> {
        let open: BTreeSet<u64> =
            self.catalog.open_moves().await?.into_iter().map(|record| record.id).collect();
        let mut found = Vec::new();
        for (index, shard) in self.shards.iter().enumerate() {
            let leftovers = shard.leftovers().await?;
            found.extend(leftovers.into_iter().map(|leftover| (leftover.kind, index, leftover)));
        }
        // Subscriptions first, on all shards: a slot in use cannot be dropped.
        found.sort_unstable();
        let mut swept = Swept::default();
        for (_, index, leftover) in found {
            if open.contains(&leftover.id) {
                continue;
            }
            match self.shards[index].remove(&leftover).await {
                Ok(()) => swept.removed.push(leftover),
                Err(error) => swept.kept.push((leftover, error.to_string())),
            }
        }
        Ok(swept)
    }

    /// Everything on any shard that bears the name of a move, also of one that is under way.
    pub async fn leftovers(&self) -> Result<Vec<Leftover>, ReshardError> {
        let mut found = Vec::new();
        for shard in &self.shards {
            found.extend(shard.leftovers().await?);
        }
        Ok(found)
    }
}
