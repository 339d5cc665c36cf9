//! Reads: the cache first, then the database, and in need a copy that has expired, marked so.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use standfast_tactics::cache_aside::Freshness;
use standfast_tactics::coalesce::{Coalescer, Limits, Wait};
use standfast_tactics::deadline::Deadline;
use standfast_tactics::degrade::Grade;
use standfast_tactics::session_token::LogPosition;
use tokio::time::Instant;

use super::metrics::Metrics;
use super::settings::Settings;
use super::subject::Subject;
use crate::service::guarded::cache::{CALL_BUDGET, Cache, Keys};
use crate::service::guarded::database::{Database, Guards, Lane, within};
use crate::service::guarded::dependency::{Dependency, DependencyOptions};
use crate::service::guarded::entry::Entry;
use crate::service::problem::Problem;

/// Different searches that are in flight, or shared, at once.
const FLIGHTS_MAX: usize = 4096;

/// While the cache is away, searches of one second share one read: no stampede.
const SHARE_WITHOUT_CACHE: Duration = Duration::from_secs(1);

/// What a client is told when there is nothing to serve.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// Where an answer came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Source {
    Cache,
    Database,
}

impl Source {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Cache => "cache",
            Self::Database => "database",
        }
    }
}

/// An answer, and how good it is.
#[derive(Clone, Debug)]
pub(super) struct Found {
    /// JSON after its opening brace.
    pub(super) tail: Bytes,
    pub(super) age: Duration,
    pub(super) source: Source,
    pub(super) grade: Grade,
}

/// What a read of the database brought; shared by all who wanted it.
#[derive(Clone, Debug)]
enum Loaded {
    Found(Entry),
    Missing,
    Failed(String),
}

/// The service as one value.
#[derive(Debug)]
pub(super) struct Catalogue {
    pub(super) settings: Settings,
    pub(super) database: Database,
    pub(super) cache: Cache,
    pub(super) metrics: Metrics,
    flights: Coalescer<String, Loaded>,
    rng: Mutex<StdRng>,
}

impl Catalogue {
    pub(super) fn new(settings: Settings, client: redis::Client, seed: u64) -> Self {
        let mut rng = StdRng::seed_from_u64(seed);
        let mut dependency = |name| {
            let is_enforced = settings.has_breaker;
            Dependency::new(name, DependencyOptions { is_enforced, seed: rng.random() })
        };
        let guards =
            Guards { reads_max: settings.reads_max, has_bulkhead: true, has_deadline: true };
        let database = Database::new(dependency("postgres"), settings.postgres.clone(), guards);
        let kept_for = settings.freshness.keep_for();
        let cache = Cache::new(dependency("valkey"), client, kept_for, true);
        let limits = Limits { flights_max: FLIGHTS_MAX, share_max: SHARE_WITHOUT_CACHE };
        let (flights, rng) = (Coalescer::new(limits), Mutex::new(rng));
        Self { settings, database, cache, metrics: Metrics::new(), flights, rng }
    }

    /// Answers a read.
    pub(super) async fn read(
        self: &Arc<Self>,
        subject: Subject,
        deadline: Deadline,
    ) -> Result<Found, Problem> {
        // Nobody writes to the catalogue but its owner, so that no write makes a copy stale.
        let keys = Keys { copy: subject.cache_key(), written: "travelhub:w".to_owned() };
        let (copy, is_cache_away) = self.look(&keys, deadline).await;
        if let Some(entry) = &copy
            && self.judge(entry) == Freshness::Fresh
        {
            return Ok(found(entry, Source::Cache, Grade::Fresh));
        }
        match self.load_shared(subject, keys, is_cache_away, deadline).await {
            Loaded::Found(entry) => Ok(found(&entry, Source::Database, Grade::Fresh)),
            Loaded::Missing => Err(Problem::not_found("there is no offer with this id")),
            Loaded::Failed(why) => match copy {
                Some(entry) if self.judge(&entry) != Freshness::TooOld => {
                    let age = entry.age(now_ms());
                    Ok(found(&entry, Source::Cache, Grade::Stale { age }))
                }
                Some(_) | None => Err(Problem::unavailable(RETRY_AFTER, why)),
            },
        }
    }

    fn judge(&self, entry: &Entry) -> Freshness {
        self.settings.freshness.judge(&entry.copy(now_ms()), &LogPosition::START)
    }

    /// The copy, if there is one, and whether the cache is away.
    async fn look(&self, keys: &Keys, deadline: Deadline) -> (Option<Entry>, bool) {
        if !self.settings.has_cache {
            return (None, false);
        }
        match self.cache.find(keys, deadline).await {
            Ok(found) => (found.entry, false),
            Err(_) => (None, true),
        }
    }

    async fn load_shared(
        self: &Arc<Self>,
        subject: Subject,
        keys: Keys,
        is_cache_away: bool,
        deadline: Deadline,
    ) -> Loaded {
        let until = deadline.keeping(Instant::now(), CALL_BUDGET);
        if !self.settings.has_cache {
            return self.load(&subject, until).await;
        }
        let share_for = if is_cache_away { SHARE_WITHOUT_CACHE } else { Duration::ZERO };
        let wait = Wait { deadline: until.instant(), share_for };
        let (catalogue, key) = (Arc::clone(self), keys.copy.clone());
        let load = move || async move {
            let loaded = catalogue.load(&subject, until).await;
            if let Loaded::Found(entry) = &loaded {
                let soon = Deadline::after(Instant::now(), CALL_BUDGET);
                let keep_for = catalogue.settings.freshness.keep_for();
                // Whether that works changes nothing for the caller.
                let _ = catalogue.cache.put(&keys, entry, keep_for, soon).await;
            }
            loaded
        };
        let may_linger = |loaded: &Loaded| matches!(loaded, Loaded::Found(_));
        match self.flights.run(key, wait, load, may_linger).await {
            Ok(shared) => shared.value,
            Err(error) => Loaded::Failed(error.to_string()),
        }
    }

    async fn load(&self, subject: &Subject, deadline: Deadline) -> Loaded {
        let deadline = deadline.cap(Instant::now(), self.settings.read_budget);
        let fetched_at_ms = now_ms();
        let lease = match self.database.lease(Lane::Reads, deadline).await {
            Ok(lease) => lease,
            Err(error) => return Loaded::Failed(error.to_string()),
        };
        self.metrics.database_reads.inc();
        let result = within(deadline, subject.read(lease.client())).await;
        match lease.finish(result) {
            Ok(Some(json)) => Loaded::Found(Entry {
                fetched_at_ms,
                fresh_for: self.fresh_for(),
                position: LogPosition::START,
                version: 0,
                tail: Bytes::copy_from_slice(json.strip_prefix('{').unwrap_or(&json).as_bytes()),
            }),
            Ok(None) => Loaded::Missing,
            Err(error) => Loaded::Failed(error.to_string()),
        }
    }

    fn fresh_for(&self) -> Duration {
        let draw = self.rng.lock().unwrap_or_else(PoisonError::into_inner).random();
        self.settings.freshness.fresh_for(draw)
    }

    /// Whether something can be answered.
    pub(super) fn is_ready(&self) -> bool {
        let (database, cache) = (&self.database.dependency, &self.cache.dependency);
        database.was_looked_at() && cache.was_looked_at() && database.is_usable()
    }
}

fn found(entry: &Entry, source: Source, grade: Grade) -> Found {
    Found { tail: entry.tail.clone(), age: entry.age(now_ms()), source, grade }
}

/// Milliseconds since 1970: ages of copies outlive processes, so no monotonic clock will do.
pub(super) fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
