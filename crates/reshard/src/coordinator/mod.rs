//! Runs moves: asks the core, does what it says, tells it how that went.
//!
//! There is one coordinator at a time. Whoever has the catalog's advisory lock is it; its number
//! (the fence) is told to every shard before it does anything else there, so that one who lost the
//! lock and does not know is refused. A shard that cannot be told is left alone until it can: what
//! moves between others need not wait for it, and the journal of its moves is fenced already.

mod pauses;
mod performing;
mod reaching;
mod sweeping;

use std::sync::LazyLock;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::time::{Instant, timeout};

use crate::catalog::{Catalog, CatalogError, Request};
use crate::core::{
    Action, Core, Ending, Map, Moment, Options, Outcome, PlannedMove, Record, Sabotage,
};
use crate::session::{SqlError, with_causes};
use crate::shard::{Shard, ShardAddress, Share, Table};

pub use pauses::Pauses;
use performing::Performer;
pub use reaching::Unreached;
use reaching::{IN_PASSING, Reached};
pub use sweeping::Swept;

/// Between two looks whether the lock is free.
const LOOK_FOR_LOCK_EVERY: Duration = Duration::from_millis(200);

/// So many marks has a coordinator; those of one with a higher fence are higher.
const MARK_BITS: u32 = 24;

/// Everything that takes part.
#[derive(Clone, Debug)]
pub struct Fleet {
    pub catalog_url: String,
    pub shards: Vec<ShardAddress>,
    pub tables: Vec<Table>,
    pub slots: u16,
    pub options: Options,
}

/// What a coordinator does, for those who watch.
#[derive(Debug)]
pub enum Progress<'move_> {
    /// A move is in another phase.
    Phase(&'move_ Record),
    /// An action has ended so, after this long.
    Acted {
        record: &'move_ Record,
        action: &'move_ Action,
        outcome: &'move_ Outcome,
        took: Duration,
    },
}

/// Whoever is told.
pub type Watcher<'watcher> = &'watcher mut (dyn FnMut(Progress<'_>) + Send);

/// Why a coordinator ended before its work did.
#[derive(Debug, thiserror::Error)]
pub enum ReshardError {
    #[error(transparent)]
    Catalog(#[from] CatalogError),
    #[error(transparent)]
    Sql(#[from] SqlError),
    #[error("no shard is called `{0}`")]
    NoShard(String),
    #[error("move {id} stands still, {phase}: {reason} (it can be resumed)")]
    Stands { id: u64, phase: &'static str, reason: String },
    #[error("the lock in the catalog was lost: another coordinator goes on")]
    LockLost,
}

/// The one that may act.
#[derive(Debug)]
pub struct Coordinator {
    fleet: Fleet,
    catalog: Catalog,
    /// As in the fleet; `None` was not told yet who coordinates.
    shards: Vec<Option<Shard>>,
    /// The highest mark that it may have written. No core begins below it: a follower may still
    /// show what a core before it has written.
    mark: u64,
}

impl Fleet {
    pub fn address(&self, name: &str) -> Result<&ShardAddress, ReshardError> {
        let found = self.shards.iter().find(|shard| shard.name == name);
        found.ok_or_else(|| ReshardError::NoShard(name.to_owned()))
    }

    /// The tables that get a guard, which are all, but for a test that wants to see why.
    fn guarded(&self) -> &[Table] {
        if self.is_unguarded() { &[] } else { &self.tables }
    }

    fn is_unguarded(&self) -> bool {
        self.options.sabotage == Some(Sabotage::GuardLeftOut)
    }

    /// Makes catalog and shards what a move needs, and the map even over `owners` if there is none.
    /// May be repeated, also while a move is under way. Answers which shards could not be reached:
    /// when there is a map all of them have been made shards before.
    ///
    /// # Errors
    ///
    /// Without a map, each shard has to be there.
    pub async fn install(&self, owners: &[String]) -> Result<Vec<Unreached>, ReshardError> {
        for owner in owners {
            self.address(owner)?;
        }
        let catalog = Catalog::connect(&self.catalog_url).await?;
        // Without a map, nobody else makes one before this session ends.
        let found = catalog.install(self.slots).await?;
        let map = found.clone().unwrap_or_else(|| Map::even(self.slots, owners));
        let mut unreached = Vec::new();
        for address in &self.shards {
            let installing = self.install_on(address, &map, found.is_none());
            let installed = match &found {
                Some(_) => timeout(IN_PASSING, installing).await,
                None => Ok(installing.await),
            };
            let reason = match installed {
                Ok(Err(error)) if found.is_some() && error.is_of_absence() => with_causes(&error),
                Ok(installed) => {
                    installed?;
                    continue;
                }
                Err(_elapsed) => reaching::silent(),
            };
            unreached.push(Unreached { shard: address.name.clone(), reason });
        }
        if found.is_none() {
            catalog.begin(&map).await?;
        }
        Ok(unreached)
    }

    async fn install_on(
        &self,
        address: &ShardAddress,
        map: &Map,
        is_first: bool,
    ) -> Result<(), SqlError> {
        let shard = Shard::connect(address, 0).await?;
        let owned = map.slots_of(&address.name);
        let share = Share { slots: self.slots, owned: &owned, epoch: map.epoch, is_first };
        shard.install(self.guarded(), share).await?;
        if self.is_unguarded() {
            shard.know_nothing().await?;
        }
        Ok(())
    }
}

impl Coordinator {
    /// Takes the lock, waiting `patience` for another one to end, and tells every shard that takes
    /// part in an open move and can be reached; the others with the first sweep, or before a move
    /// begins there. Until then nobody has anything to do on them: what is to be done is noted down
    /// first, by whoever has the lock.
    pub async fn begin(fleet: Fleet, patience: Duration) -> Result<Self, ReshardError> {
        let mut catalog = Catalog::connect(&fleet.catalog_url).await?;
        let give_up = Instant::now() + patience;
        while !catalog.try_lock().await? {
            if Instant::now() >= give_up {
                return Err(CatalogError::Busy.into());
            }
            tokio::time::sleep(LOOK_FOR_LOCK_EVERY).await;
        }
        let shards = fleet.shards.iter().map(|_| None).collect();
        let mark = catalog.fence() << MARK_BITS;
        let mut coordinator = Self { fleet, catalog, shards, mark };
        for Unreached { shard, reason } in coordinator.reach_first().await? {
            tracing::warn!(shard, reason, "what it takes part in stands still");
        }
        Ok(coordinator)
    }

    pub fn catalog(&self) -> &Catalog {
        &self.catalog
    }

    /// Notes a move down; nothing else happens yet.
    pub async fn plan(&self, planned: &PlannedMove) -> Result<Record, ReshardError> {
        self.fleet.address(&planned.source)?;
        self.fleet.address(&planned.target)?;
        Ok(self.catalog.insert(planned, self.fleet.options.keep).await?)
    }

    /// Plans what is asked for and notes all of it down, or nothing.
    pub async fn request(&self, request: &Request) -> Result<Vec<Record>, ReshardError> {
        Ok(self.catalog.request_kept(request, None, self.fleet.options.keep).await?)
    }

    /// Brings every move that has not ended to its end, the oldest first.
    pub async fn resume(
        &mut self,
        watcher: Watcher<'_>,
    ) -> Result<Vec<(Record, Ending)>, ReshardError> {
        let mut ended = Vec::new();
        for record in self.catalog.open_moves().await? {
            let ending = self.run(record.clone(), watcher).await?;
            ended.push((self.catalog.record(record.id).await?, ending));
        }
        Ok(ended)
    }

    /// Brings a move to its end, wherever it is.
    ///
    /// # Errors
    ///
    /// [`ReshardError::Stands`] when it cannot go on now, because of a shard that is away for
    /// instance: other moves can. Anything else ends this coordinator.
    pub async fn run(
        &mut self,
        record: Record,
        watcher: Watcher<'_>,
    ) -> Result<Ending, ReshardError> {
        let mut options = self.fleet.options;
        if self.reach_both(&record).await? == Reached::OwnerAlone {
            // Whatever needs the other one need not be tried twice.
            options.failures_max = 1;
        }
        let lost = self.catalog.lost();
        let running = self.drive(record, options, watcher);
        tokio::select! {
            ended = running => ended,
            // What was under way ends with its sessions, as after a kill.
            () = lost => Err(ReshardError::LockLost),
        }
    }

    async fn drive(
        &mut self,
        record: Record,
        options: Options,
        watcher: Watcher<'_>,
    ) -> Result<Ending, ReshardError> {
        let mut core = Core::new(record.clone(), options, self.mark);
        let mut performer = Performer::new(&self.fleet, &self.catalog, &mut self.shards, &record)?;
        watcher(Progress::Phase(&record));
        loop {
            // Nobody is asked while writers wait.
            if !core.is_holding() {
                core.wish(self.catalog.wish(record.id).await?);
            }
            let action = core.next(now());
            self.mark = core.mark();
            if let Action::Finish(ending) = action {
                return Ok(ending);
            }
            if let Action::GiveUp(reason) = action {
                let (id, phase) = (record.id, core.record().phase.name());
                return Err(ReshardError::Stands { id, phase, reason });
            }
            let began = Instant::now();
            let outcome = performer.perform(&action, core.record()).await?;
            let took = began.elapsed();
            watcher(Progress::Acted {
                record: core.record(),
                action: &action,
                outcome: &outcome,
                took,
            });
            let phase = core.record().phase;
            core.tell(outcome, &action, now());
            if core.record().phase != phase {
                watcher(Progress::Phase(core.record()));
            }
        }
    }
}

/// Since 1970, so that a successor goes on with the same clock. A clock that is set while this
/// process runs changes nothing: waits and bounds are not its.
fn now() -> Moment {
    static BEGAN: LazyLock<(Moment, Instant)> = LazyLock::new(|| {
        let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH);
        (since_1970.unwrap_or_default(), Instant::now())
    });
    let (since_1970, began) = *BEGAN;
    since_1970 + began.elapsed()
}
