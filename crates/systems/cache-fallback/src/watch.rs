//! Looks at each dependency all the time: heartbeats for the lag guard, probes for the breakers,
//! and what the cache still has to be told. So a failure is found without a request that pays for
//! it, and what is back is used again at once.

use std::sync::Arc;
use std::time::Duration;

use standfast_tactics::circuit_breaker::State;
use standfast_tactics::deadline::Deadline;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};

use super::cache::CALL_BUDGET;
use super::database::{Database, DatabaseError, Lane, within};
use super::dependency::Dependency;
use super::offers::{Offers, now_ms};
use super::queries::{self, Role};

/// How often a healthy dependency is looked at.
const PERIOD: Duration = Duration::from_millis(200);

/// How often one that has just failed is: five failures in a row make a finding.
const PERIOD_IN_DOUBT: Duration = Duration::from_millis(40);

/// Some ten minutes between two clean-ups of old idempotency keys.
const BEATS_BETWEEN_CLEANUPS: i64 = 3000;

/// Opening a handful of connections takes some 20 ms.
const WARM_BUDGET: Duration = Duration::from_secs(1);

/// Watches all dependencies until the set is dropped.
pub(super) fn start(offers: &Arc<Offers>) -> JoinSet<()> {
    let mut watches = JoinSet::new();
    watches.spawn(watch_primary(Arc::clone(offers)));
    watches.spawn(watch_replica(Arc::clone(offers)));
    watches.spawn(watch_cache(Arc::clone(offers)));
    watches
}

async fn watch_primary(offers: Arc<Offers>) {
    let (server, role) = (&offers.primary, Role::Primary);
    // Beats of this run are higher than those of any before.
    let mut beat = i64::try_from(now_ms()).unwrap_or(i64::MAX / 2);
    let mut was_well = false;
    loop {
        beat += 1;
        let deadline = turn_deadline(&offers);
        let result = match server.lease(Lane::Watch, deadline).await {
            Ok(lease) => {
                let writer = &offers.settings.instance;
                let result = within(deadline, queries::beat(lease.client(), writer, beat)).await;
                lease.finish(result)
            }
            Err(error) => Err(error),
        };
        if let Ok(position) = &result {
            offers.guard().acknowledged(beat.unsigned_abs(), Instant::now());
            offers.cache.pending.resolve_unknown(*position);
        }
        if result.is_ok() && (!was_well || beat % BEATS_BETWEEN_CLEANUPS == 0) {
            clean_up(&offers).await;
        }
        was_well = end_turn(&offers, server, role, was_well, result.is_ok()).await;
    }
}

async fn watch_replica(offers: Arc<Offers>) {
    let (server, role) = (&offers.replica, Role::Replica);
    let mut was_well = false;
    loop {
        let deadline = turn_deadline(&offers);
        let result = match server.lease(Lane::Watch, deadline).await {
            Ok(lease) => {
                let writer = &offers.settings.instance;
                let look = async {
                    let position = queries::replayed(lease.client()).await?;
                    Ok((position, queries::shown_beat(lease.client(), writer).await?))
                };
                let result = within(deadline, look).await;
                lease.finish(result)
            }
            Err(error) => Err(error),
        };
        if let Ok((position, beat)) = &result {
            offers.saw_replica_at(*position);
            if let Some(beat) = beat {
                offers.guard().visible(beat.unsigned_abs());
            }
        }
        was_well = end_turn(&offers, server, role, was_well, result.is_ok()).await;
    }
}

async fn watch_cache(offers: Arc<Offers>) {
    let cache = &offers.cache;
    loop {
        let deadline = Deadline::after(Instant::now(), offers.budget());
        let is_well = match cache.dependency.probe() {
            Ok(permit) => cache.watch(permit, offers.cap(deadline, CALL_BUDGET)).await,
            Err(_) => false,
        };
        cache.dependency.looked_at();
        let pause = pause(&cache.dependency, is_well);
        if is_well {
            // A connection that is lost is made anew at once; else the time passes, no more.
            drop(timeout(pause, cache.lost.notified()).await);
        } else {
            tokio::time::sleep(pause).await;
        }
    }
}

fn turn_deadline(offers: &Offers) -> Deadline {
    let deadline = Deadline::after(Instant::now(), offers.budget());
    offers.cap(deadline, offers.settings.read_budget)
}

/// Ends a turn: what has just come back is warmed up first, so that no request waits for
/// connections and plans. Answers whether the server is well.
async fn end_turn(
    offers: &Offers,
    server: &Database,
    role: Role,
    was_well: bool,
    is_well: bool,
) -> bool {
    let dependency = &server.dependency;
    let is_back = is_well && !was_well && dependency.is_usable();
    if is_back && let Err(error) = warm(offers, server, role).await {
        tracing::warn!(server = dependency.name, %error, "could not be warmed up");
    }
    dependency.looked_at();
    tokio::time::sleep(pause(dependency, is_well)).await;
    is_well && (was_well || is_back)
}

/// Opens the connections that reads will use, and prepares their statements.
async fn warm(offers: &Offers, server: &Database, role: Role) -> Result<(), DatabaseError> {
    let deadline = Deadline::after(Instant::now(), WARM_BUDGET);
    let mut leases = Vec::new();
    for _ in 0..offers.settings.reads_max {
        leases.push(server.lease(Lane::Watch, deadline).await?);
    }
    for lease in leases {
        let result = within(deadline, queries::warm(lease.client(), role)).await;
        lease.finish(result)?;
    }
    Ok(())
}

async fn clean_up(offers: &Offers) {
    let deadline = Deadline::after(Instant::now(), WARM_BUDGET);
    let Ok(lease) = offers.primary.lease(Lane::Watch, deadline).await else { return };
    let result = within(deadline, queries::forget_old_keys(lease.client())).await;
    match lease.finish(result) {
        Ok(forgotten) => tracing::debug!(forgotten, "old idempotency keys forgotten"),
        Err(error) => tracing::warn!(%error, "old idempotency keys could not be forgotten"),
    }
}

fn pause(dependency: &Dependency, is_well: bool) -> Duration {
    let is_in_doubt = !is_well || dependency.state() != State::Closed;
    if is_in_doubt { PERIOD_IN_DOUBT } else { PERIOD }
}
