//! The service as one value: its dependencies, its settings and what it counts.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use standfast_tactics::circuit_breaker::State;
use standfast_tactics::coalesce::{Coalescer, Limits};
use standfast_tactics::deadline::Deadline;
use standfast_tactics::replica_guard::{self, ReplicaGuard};
use standfast_tactics::session_token::LogPosition;
use tokio::time::Instant;

use super::cache::Cache;
use super::database::{Database, Guards};
use super::dependency::{Dependency, DependencyOptions};
use super::metrics::{Metrics, Reading};
use super::reads::Loaded;
use super::settings::Settings;

/// Reads that the primary takes at once beside its writes, when no replica is recent enough. Few:
/// it must not drown in what a whole replica carried.
const PRIMARY_READS_MAX: usize = 2;

/// Different searches that are in flight, or shared, at once.
const FLIGHTS_MAX: usize = 4096;

/// While the cache is away, searches of one second share one read: instead of a stampede the
/// database sees each search once a second. It bounds the age of such an answer, too.
pub(super) const SHARE_WITHOUT_CACHE: Duration = Duration::from_secs(1);

/// Without the tactic a request waits as long as stock pools do.
const BUDGET_WITHOUT_DEADLINE: Duration = Duration::from_secs(30);

/// A search and the position that its answer must have: whoever needs a later one does not share.
pub(super) type FlightKey = (String, LogPosition);

#[derive(Debug)]
pub(super) struct Offers {
    pub(super) settings: Settings,
    pub(super) primary: Database,
    pub(super) replica: Database,
    pub(super) cache: Cache,
    pub(super) flights: Coalescer<FlightKey, Loaded>,
    pub(super) metrics: Metrics,
    guard: Mutex<ReplicaGuard>,
    /// The furthest position that the replica was seen at.
    replica_seen: AtomicU64,
    rng: Mutex<StdRng>,
}

impl Offers {
    pub(super) fn new(settings: Settings, client: redis::Client, seed: u64) -> Self {
        let tactics = settings.tactics;
        let mut rng = StdRng::seed_from_u64(seed);
        let mut dependency = |name| {
            let is_enforced = tactics.circuit_breaker;
            Dependency::new(name, DependencyOptions { is_enforced, seed: rng.random() })
        };
        let guards = |reads_max| Guards {
            reads_max,
            has_bulkhead: tactics.bulkhead,
            has_deadline: tactics.deadline,
        };
        let primary_reads =
            if tactics.read_replica { PRIMARY_READS_MAX } else { settings.reads_max };
        let primary =
            Database::new(dependency("primary"), settings.primary.clone(), guards(primary_reads));
        let replica = Database::new(
            dependency("replica"),
            settings.replica.clone(),
            guards(settings.reads_max),
        );
        let kept_for = settings.freshness.keep_for();
        let cache = Cache::new(dependency("cache"), client, kept_for, tactics.deadline);
        let limits = Limits { flights_max: FLIGHTS_MAX, share_max: SHARE_WITHOUT_CACHE };
        let policy = replica_guard::Policy { lag_max: settings.replica_lag_max, beats_max: 256 };
        Self {
            settings,
            primary,
            replica,
            cache,
            flights: Coalescer::new(limits),
            metrics: Metrics::new(),
            guard: Mutex::new(ReplicaGuard::new(policy)),
            replica_seen: AtomicU64::new(0),
            rng: Mutex::new(rng),
        }
    }

    /// What a request that arrived now may take, before it says what it wants.
    pub(super) fn budget(&self) -> Duration {
        if self.settings.tactics.deadline {
            self.settings.request_budget
        } else {
            BUDGET_WITHOUT_DEADLINE
        }
    }

    /// The deadline of a step that should take `budget`.
    pub(super) fn cap(&self, deadline: Deadline, budget: Duration) -> Deadline {
        if self.settings.tactics.deadline { deadline.cap(Instant::now(), budget) } else { deadline }
    }

    /// How long a new copy is fresh for.
    pub(super) fn fresh_for(&self) -> Duration {
        let draw = self.rng.lock().unwrap_or_else(PoisonError::into_inner).random();
        self.settings.freshness.fresh_for(draw)
    }

    pub(super) fn guard(&self) -> MutexGuard<'_, ReplicaGuard> {
        self.guard.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How far the replica had come by now. One that was killed begins anew at its last restart
    /// point, and answers while it replays: less than this shows the past, however small its lag.
    pub(super) fn replica_seen(&self) -> LogPosition {
        LogPosition::from_bytes(self.replica_seen.load(Ordering::Acquire))
    }

    /// The replica has come to `position`.
    pub(super) fn saw_replica_at(&self, position: LogPosition) {
        self.replica_seen.fetch_max(position.bytes(), Ordering::AcqRel);
    }

    /// Whether reads may go to the replica, as far as its lag is concerned.
    pub(super) fn is_replica_recent(&self) -> bool {
        !self.settings.tactics.lag_guard || self.guard().may_read(Instant::now())
    }

    /// Whether the service can answer anything: the replica or the cache is there, and all were
    /// looked at since the start.
    pub(super) fn is_ready(&self) -> bool {
        let [primary, replica, cache] = self.dependencies();
        let were_looked_at = [primary, replica, cache].iter().all(|one| one.was_looked_at());
        let reads = if self.settings.tactics.read_replica { replica } else { primary };
        let can_answer = |one: &Dependency| one.state() == State::Closed;
        were_looked_at && (can_answer(reads) || can_answer(cache))
    }

    pub(super) fn dependencies(&self) -> [&Dependency; 3] {
        [&self.primary.dependency, &self.replica.dependency, &self.cache.dependency]
    }

    /// The state that `/metrics` shows.
    pub(super) fn readings(&self) -> Vec<Reading> {
        let mut readings = Vec::new();
        for dependency in self.dependencies() {
            let value = match dependency.state() {
                State::Closed => 0.0,
                State::HalfOpen { .. } => 1.0,
                State::Open { .. } => 2.0,
            };
            readings.push(Reading { dependency: dependency.name, what: "breaker", value });
        }
        for database in [&self.primary, &self.replica] {
            let (size, idle) = database.connections();
            let (reading, waiting) = database.reading();
            for (what, value) in
                [("connections", size), ("idle", idle), ("reading", reading), ("waiting", waiting)]
            {
                let dependency = database.dependency.name;
                readings.push(Reading { dependency, what, value: value as f64 });
            }
        }
        let lag = self.guard().lag(Instant::now()).as_secs_f64();
        readings.push(Reading { dependency: "replica", what: "lag_seconds", value: lag });
        let pending = self.cache.pending.list().len() as f64;
        readings.push(Reading { dependency: "cache", what: "pending", value: pending });
        readings
    }
}

/// Milliseconds since 1970: ages of copies outlive processes, so no monotonic clock will do.
pub(super) fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
