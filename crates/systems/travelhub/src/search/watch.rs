//! Looks at the database and the cache all the time, so that a failure is found without a request
//! that pays for it, and what is back is used again at once.

use std::sync::Arc;
use std::time::Duration;

use standfast_tactics::circuit_breaker::State;
use standfast_tactics::deadline::Deadline;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};

use super::catalogue::Catalogue;
use crate::service::guarded::cache::CALL_BUDGET;
use crate::service::guarded::database::{Lane, within};
use crate::service::guarded::dependency::Dependency;

/// How often a healthy dependency is looked at, and one that has just failed.
const PERIOD: Duration = Duration::from_millis(200);
const PERIOD_IN_DOUBT: Duration = Duration::from_millis(40);

/// Watches until the set is dropped.
pub(super) fn start(catalogue: &Arc<Catalogue>) -> JoinSet<()> {
    let mut watches = JoinSet::new();
    watches.spawn(watch_database(Arc::clone(catalogue)));
    watches.spawn(watch_cache(Arc::clone(catalogue)));
    watches
}

async fn watch_database(catalogue: Arc<Catalogue>) {
    let database = &catalogue.database;
    loop {
        let deadline = Deadline::after(Instant::now(), catalogue.settings.read_budget);
        let result = match database.lease(Lane::Watch, deadline).await {
            Ok(lease) => {
                let result = within(deadline, lease.client().simple_query("")).await;
                lease.finish(result).map(drop)
            }
            Err(error) => Err(error),
        };
        database.dependency.looked_at();
        sleep(pause(&database.dependency, result.is_ok())).await;
    }
}

async fn watch_cache(catalogue: Arc<Catalogue>) {
    let cache = &catalogue.cache;
    loop {
        let deadline = Deadline::after(Instant::now(), CALL_BUDGET);
        let is_well = match cache.dependency.probe() {
            Ok(permit) => cache.watch(permit, deadline).await,
            Err(_) => false,
        };
        cache.dependency.looked_at();
        let pause = pause(&cache.dependency, is_well);
        if is_well {
            // A connection that is lost is made anew at once; else the time passes, no more.
            drop(timeout(pause, cache.lost.notified()).await);
        } else {
            sleep(pause).await;
        }
    }
}

fn pause(dependency: &Dependency, is_well: bool) -> Duration {
    let is_in_doubt = !is_well || dependency.state() != State::Closed;
    if is_in_doubt { PERIOD_IN_DOUBT } else { PERIOD }
}
