//! The service as one value: its servers, who of them is read, its cache, and what it counts.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use standfast_tactics::replica_router::{Policy, SharedRouter};

use super::super::primary::Primary;
use super::metrics::Metrics;
use super::server::Server;
use super::settings::Settings;
use super::watch::BEAT_PERIOD;
use crate::serve::ServeError;
use crate::service::guarded::cache::Cache;
use crate::service::guarded::dependency::{Dependency, DependencyOptions};
use crate::service::sessions::{Database, PoolOptions};

/// Of the primary in events, since it is now this server and now that.
const PRIMARY: &str = "core";

/// Where requests come together.
#[derive(Debug)]
pub(super) struct Desk {
    pub(super) settings: Settings,
    pub(super) primary: Primary,
    pub(super) servers: Vec<Server>,
    pub(super) router: SharedRouter,
    pub(super) cache: Cache,
    pub(super) metrics: Metrics,
    /// Whether the primary has ever taken a heartbeat of this process. Before that, nobody knows
    /// how far behind the replicas are.
    has_beaten: AtomicBool,
    /// Who is a replica, as far as is known; in the order of `servers`.
    replicas: Vec<AtomicBool>,
    turn: AtomicUsize,
    rng: Mutex<StdRng>,
}

impl Desk {
    pub(super) fn new(settings: Settings, client: redis::Client) -> Result<Self, ServeError> {
        // Jitter should differ between instances: it is not what a run has to repeat.
        let mut rng = StdRng::seed_from_u64(now_ms() ^ u64::from(std::process::id()));
        let options = DependencyOptions { is_enforced: true, seed: rng.random() };
        let kept_for = settings.freshness.keep_for();
        let cache = Cache::new(Dependency::new("cache", options), client, kept_for, true);
        let primary = Database::new(PoolOptions {
            name: PRIMARY.to_owned(),
            address: settings.primary.clone(),
            sessions_max: settings.sessions_max,
        });
        let servers: Vec<Server> = settings
            .servers
            .iter()
            .map(|(name, at)| Server::new(name.clone(), at.clone()))
            .collect();
        let policy = Policy { beat_period: BEAT_PERIOD, ..Policy::default() };
        let router = SharedRouter::try_new(servers.len(), policy)
            .map_err(|error| ServeError::unusable("REPLICA_URLS", error))?;
        let replicas = servers.iter().map(|_| AtomicBool::new(false)).collect();
        Ok(Self {
            primary,
            servers,
            router,
            cache,
            metrics: Metrics::new(),
            has_beaten: AtomicBool::new(false),
            replicas,
            turn: AtomicUsize::new(0),
            rng: Mutex::new(rng),
            settings,
        })
    }

    /// How long a new copy is fresh for.
    pub(super) fn fresh_for(&self) -> Duration {
        let draw = self.rng.lock().unwrap_or_else(PoisonError::into_inner).random();
        self.settings.freshness.fresh_for(draw)
    }

    pub(super) fn has_beaten(&self) -> bool {
        self.has_beaten.load(Ordering::Acquire)
    }

    pub(super) fn beats(&self) {
        self.has_beaten.store(true, Ordering::Release);
    }

    pub(super) fn is_replica(&self, server: usize) -> bool {
        self.replicas[server].load(Ordering::Relaxed)
    }

    /// Answers what it was before.
    pub(super) fn note_replica(&self, server: usize, is_replica: bool) -> bool {
        self.replicas[server].swap(is_replica, Ordering::Relaxed)
    }

    /// The replica whose turn it is, whatever it shows.
    pub(super) fn any_replica(&self) -> Option<usize> {
        let (count, turn) = (self.servers.len(), self.turn.fetch_add(1, Ordering::Relaxed));
        (0..count).map(|step| (turn + step) % count).find(|server| self.is_replica(*server))
    }

    /// Whether something can be answered.
    pub(super) fn is_ready(&self) -> bool {
        let is_looked_at = self.cache.dependency.was_looked_at();
        self.primary.is_there() && self.has_beaten() && is_looked_at && self.has_replica()
    }

    fn has_replica(&self) -> bool {
        (0..self.servers.len()).any(|server| self.is_replica(server))
    }
}

/// Milliseconds since 1970: ages of copies outlive processes, so no monotonic clock will do.
pub(super) fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
