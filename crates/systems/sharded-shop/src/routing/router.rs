//! The router: a session pool for each shard, and the map, which a task of its own keeps.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use standfast_tactics::deadline::Deadline;
use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout, timeout_at};

use super::super::primary::Primary;
use super::map::{EPOCH, OWNERS};
use super::{HotKeys, RoutingMap, RoutingSettings};
use crate::service::problem::Problem;
use crate::service::sessions::{Database, DatabaseError, PoolOptions, away};

/// Nobody has to be told of a new map: who routes by the old one gets an error. This only makes
/// such errors rarer.
const READ_EVERY: Duration = Duration::from_secs(1);

/// A catalog that does not answer by then is asked again; the old map serves meanwhile.
const READ_TIME_MAX: Duration = Duration::from_millis(500);

/// Between two tries to read a map that is not there.
const READ_AGAIN: Duration = Duration::from_millis(50);

/// The map, and how often it was read.
#[derive(Clone, Debug, Default)]
struct Reading {
    count: u64,
    map: Option<Arc<RoutingMap>>,
}

/// Finds the way to the owner of a key.
#[derive(Debug)]
pub(in super::super) struct Router {
    names: Vec<String>,
    shards: Vec<Primary>,
    catalog: Primary,
    reading: watch::Sender<Reading>,
    /// Somebody was told that the map is old.
    wanted: Notify,
    keys: Mutex<HotKeys>,
}

impl Router {
    pub(in super::super) fn new(settings: &RoutingSettings) -> Self {
        let pool = |name: &str, address| {
            Database::new(PoolOptions {
                name: name.to_owned(),
                address,
                sessions_max: settings.sessions_max,
            })
        };
        let shards = settings.shards.iter();
        Self {
            names: shards.clone().map(|shard| shard.name.clone()).collect(),
            shards: shards.map(|shard| pool(&shard.name, Arc::clone(&shard.servers))).collect(),
            catalog: pool("core", Arc::clone(&settings.catalog)),
            reading: watch::Sender::default(),
            wanted: Notify::new(),
            keys: Mutex::new(HotKeys::new()),
        }
    }

    /// Looks after the map and all databases, for as long as the service lives.
    pub(in super::super) async fn keep(self: Arc<Self>) {
        let mut tasks = JoinSet::new();
        for position in 0..self.shards.len() {
            let router = Arc::clone(&self);
            tasks.spawn(async move { router.shards[position].keep().await });
        }
        let router = Arc::clone(&self);
        tasks.spawn(async move { router.catalog.keep().await });
        tasks.spawn(async move { self.keep_map().await });
        while tasks.join_next().await.is_some() {}
    }

    async fn keep_map(&self) {
        loop {
            match timeout(READ_TIME_MAX, self.read()).await {
                Ok(Ok(())) => drop(timeout(READ_EVERY, self.wanted.notified()).await),
                Ok(Err(problem)) => {
                    tracing::debug!(%problem, "the map could not be read");
                    sleep(READ_AGAIN).await;
                }
                Err(_) => self.catalog.suspect(),
            }
        }
    }

    async fn read(&self) -> Result<(), DatabaseError> {
        let deadline = Deadline::after(Instant::now(), READ_TIME_MAX);
        let lent = self.catalog.lend(deadline).await;
        let Ok(mut lent) = lent else { return Err(DatabaseError::Away("the catalog".to_owned())) };
        let known = self.reading.borrow().map.as_ref().map(|map| map.epoch());
        let reading = async {
            let rows = lent.session().rows(EPOCH, &[]).await?;
            let epoch = rows.first().map(|row| row.try_get::<_, i64>(0)).transpose()?;
            if known.is_some() && epoch.map(i64::cast_unsigned) == known {
                return Ok(None);
            }
            let rows = lent.session().rows(OWNERS, &[]).await?;
            RoutingMap::of_rows(&rows, &self.names).map(Some)
        };
        match reading.await {
            Ok(map) => {
                lent.give_back();
                self.reading.send_modify(|reading| {
                    reading.count += 1;
                    // A catalog whose failover lost the last change would turn back.
                    if let Some(map) = map.filter(|map| known < Some(map.epoch())) {
                        tracing::info!(epoch = map.epoch(), "routing by another map");
                        reading.map = Some(Arc::new(map));
                    }
                });
                Ok(())
            }
            Err(error) => {
                lent.failed(&error);
                Err(error)
            }
        }
    }

    /// The map, as soon as there is one.
    pub(in super::super) async fn map(
        &self,
        deadline: Deadline,
    ) -> Result<Arc<RoutingMap>, Problem> {
        self.reading_after(0, deadline).await
    }

    /// The map, read again.
    pub(super) async fn reread(&self, deadline: Deadline) -> Result<Arc<RoutingMap>, Problem> {
        let count = self.reading.borrow().count;
        self.wanted.notify_one();
        self.reading_after(count, deadline).await
    }

    async fn reading_after(
        &self,
        count: u64,
        deadline: Deadline,
    ) -> Result<Arc<RoutingMap>, Problem> {
        let mut readings = self.reading.subscribe();
        let read = readings.wait_for(|reading| reading.count > count && reading.map.is_some());
        let map = match timeout_at(deadline.instant(), read).await {
            Ok(Ok(reading)) => reading.map.clone(),
            Ok(Err(_)) | Err(_) => None,
        };
        map.ok_or_else(|| away("the map of the slots could not be read in time"))
    }

    /// Whether there is a map, and every shard that owns something.
    pub(in super::super) fn is_complete(&self) -> bool {
        let map = self.reading.borrow().map.clone();
        map.is_some_and(|map| {
            let owning = (0..map.names().len()).filter(|shard| map.owned(*shard).next().is_some());
            owning.into_iter().all(|shard| self.is_there(shard))
        })
    }

    /// Whether there is a map.
    pub(in super::super) fn has_map(&self) -> bool {
        self.reading.borrow().map.is_some()
    }

    /// The epoch of the map; 0 without one.
    pub(in super::super) fn epoch(&self) -> u64 {
        self.reading.borrow().map.as_ref().map_or(0, |map| map.epoch())
    }

    /// Whether the primary of the shard at this position is there.
    pub(in super::super) fn is_there(&self, shard: usize) -> bool {
        self.shards.get(shard).is_some_and(Database::is_there)
    }

    /// The shards that have an address.
    pub(in super::super) fn names(&self) -> &[String] {
        &self.names
    }

    pub(super) fn shard(&self, position: usize) -> Result<&Primary, Problem> {
        self.shards.get(position).ok_or_else(|| away("the shard of this key has no address here"))
    }

    /// Notes that somebody asked for `key`.
    pub(in super::super) async fn count(
        &self,
        key: &str,
        deadline: Deadline,
    ) -> Result<(), Problem> {
        let slot = self.map(deadline).await?.slot_of(key);
        self.keys.lock().unwrap_or_else(PoisonError::into_inner).record(key, slot);
        Ok(())
    }

    /// What was asked for most.
    pub(in super::super) fn hot_keys<T>(&self, look: impl FnOnce(&HotKeys) -> T) -> T {
        look(&self.keys.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
