//! Which shards know who coordinates: nothing is done on one that does not.

use super::{Coordinator, ReshardError};
use crate::core::{PlannedMove, Record};
use crate::session::{SqlError, with_causes};
use crate::shard::Shard;

/// A shard that could not be told who coordinates.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Unreached {
    pub shard: String,
    pub reason: String,
}

impl Coordinator {
    /// Tells those shards that do not know it yet; answers which could not be reached.
    ///
    /// # Errors
    ///
    /// One of them knows a later coordinator.
    pub(super) async fn reach_all(&mut self) -> Result<Vec<Unreached>, ReshardError> {
        let mut unreached = Vec::new();
        for index in 0..self.shards.len() {
            match self.reach(index).await {
                Ok(()) => {}
                Err(error @ SqlError::Fenced { .. }) => return Err(error.into()),
                Err(error) => {
                    let shard = self.fleet.shards[index].name.clone();
                    unreached.push(Unreached { shard, reason: with_causes(&error) });
                }
            }
        }
        Ok(unreached)
    }

    /// Tells the two shards of a move, which stands still without them.
    pub(super) async fn reach_both(&mut self, record: &Record) -> Result<(), ReshardError> {
        for name in [&record.source, &record.target] {
            let index = self.place_of(name)?;
            match self.reach(index).await {
                Ok(()) => {}
                Err(error @ SqlError::Fenced { .. }) => return Err(error.into()),
                Err(error) => {
                    let (id, phase) = (record.id, record.phase.name());
                    return Err(ReshardError::Stands { id, phase, reason: with_causes(&error) });
                }
            }
        }
        Ok(())
    }

    /// For who would rather not begin: whether all shards of these moves can be reached.
    ///
    /// # Errors
    ///
    /// Why one of them cannot.
    pub async fn reach_for(&mut self, planned: &[PlannedMove]) -> Result<(), ReshardError> {
        for name in planned.iter().flat_map(|planned| [&planned.source, &planned.target]) {
            let index = self.place_of(name)?;
            self.reach(index).await?;
        }
        Ok(())
    }

    fn place_of(&self, name: &str) -> Result<usize, ReshardError> {
        let found = self.fleet.shards.iter().position(|address| address.name == *name);
        found.ok_or_else(|| ReshardError::NoShard(name.to_owned()))
    }

    async fn reach(&mut self, index: usize) -> Result<(), SqlError> {
        let place = &mut self.shards[index];
        if place.as_ref().is_some_and(|shard| !shard.is_closed()) {
            return Ok(());
        }
        *place = None;
        let shard = Shard::connect(&self.fleet.shards[index], self.catalog.fence()).await?;
        shard.take_over().await?;
        *place = Some(shard);
        Ok(())
    }
}
