//! Which shards know who coordinates: nothing is done on one that does not.

use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::timeout;

use super::{Coordinator, ReshardError};
use crate::core::{PlannedMove, Record};
use crate::session::{SqlError, with_causes};
use crate::shard::{Shard, ShardAddress};

/// For those that nobody waits for: a proxy may hold whoever asks for a shard that is away.
pub(super) const IN_PASSING: Duration = Duration::from_secs(1);

/// A shard that could not be told who coordinates.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Unreached {
    pub shard: String,
    pub reason: String,
}

/// Who of a move is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reached {
    Both,
    /// Its slots are closed: they can be opened, and no more.
    OwnerAlone,
}

impl Coordinator {
    /// Tells the shards that take part in open moves, and all of them if there are none: slots of
    /// open moves may be closed, and should not be so for as long as it takes to find out whether a
    /// bystander is there.
    pub(super) async fn reach_first(&mut self) -> Result<Vec<Unreached>, ReshardError> {
        let open = self.catalog.open_moves().await?;
        let takes_part = |name: &String| {
            open.iter().any(|record| [&record.source, &record.target].contains(&name))
        };
        self.reach_those(|name| open.is_empty() || takes_part(name)).await
    }

    /// Tells all shards.
    pub(super) async fn reach_all(&mut self) -> Result<Vec<Unreached>, ReshardError> {
        self.reach_those(|_| true).await
    }

    /// Tells those shards that do not know it yet, all at once; answers which could not be reached
    /// in passing.
    ///
    /// # Errors
    ///
    /// One of them knows a later coordinator.
    async fn reach_those(
        &mut self,
        is_wanted: impl Fn(&String) -> bool,
    ) -> Result<Vec<Unreached>, ReshardError> {
        let mut telling = JoinSet::new();
        for (index, place) in self.shards.iter().enumerate() {
            if is_wanted(&self.fleet.shards[index].name) && !is_told(place) {
                let (address, fence) = (self.fleet.shards[index].clone(), self.catalog.fence());
                telling.spawn(
                    async move { (index, timeout(IN_PASSING, tell(&address, fence)).await) },
                );
            }
        }
        let mut unreached = Vec::new();
        while let Some(told) = telling.join_next().await {
            let (index, told) = told.expect("telling a shard cannot panic");
            let reason = match told {
                Ok(Ok(shard)) => {
                    self.shards[index] = Some(shard);
                    continue;
                }
                Ok(Err(error @ SqlError::Fenced { .. })) => return Err(error.into()),
                Ok(Err(error)) => with_causes(&error),
                Err(_elapsed) => silent(),
            };
            unreached.push(Unreached { shard: self.fleet.shards[index].name.clone(), reason });
        }
        unreached.sort_unstable_by(|one, other| one.shard.cmp(&other.shard));
        Ok(unreached)
    }

    /// Tells the two shards of a move, which stands still without them; unless its slots are
    /// closed, and the one that should take writes is there.
    pub(super) async fn reach_both(&mut self, record: &Record) -> Result<Reached, ReshardError> {
        let (id, phase) = (record.id, record.phase.name());
        let stands = |reason| ReshardError::Stands { id, phase, reason };
        let owner = record.phase.owner();
        let mut away = None;
        for side in [owner, owner.other()] {
            let index = self.place_of(record.shard(side)).map_err(|no| stands(no.to_string()))?;
            match self.reach(index).await {
                Ok(()) => {}
                Err(error @ SqlError::Fenced { .. }) => return Err(error.into()),
                Err(error) if side == owner => return Err(stands(with_causes(&error))),
                Err(error) => away = Some(with_causes(&error)),
            }
        }
        let Some(reason) = away else { return Ok(Reached::Both) };
        let index = self.place_of(record.shard(owner))?;
        let Some(shard) = &self.shards[index] else { return Err(stands(reason)) };
        match shard.standing(&record.slots, 0).await {
            Ok(standing) if standing.is_closed => Ok(Reached::OwnerAlone),
            Ok(_) => Err(stands(reason)),
            Err(error) => Err(stands(with_causes(&error))),
        }
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
        if is_told(&self.shards[index]) {
            return Ok(());
        }
        self.shards[index] = None;
        let told = tell(&self.fleet.shards[index], self.catalog.fence()).await?;
        self.shards[index] = Some(told);
        Ok(())
    }
}

pub(super) fn is_told(place: &Option<Shard>) -> bool {
    place.as_ref().is_some_and(|shard| !shard.is_closed())
}

pub(super) async fn tell(address: &ShardAddress, fence: u64) -> Result<Shard, SqlError> {
    let shard = Shard::connect(address, fence).await?;
    shard.take_over().await?;
    Ok(shard)
}

pub(super) fn silent() -> String {
    format!("it does not answer within {IN_PASSING:?}")
}
