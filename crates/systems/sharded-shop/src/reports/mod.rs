//! Reports over all shards: joins and sums, by a PostgreSQL of its own that asks the shards.
//!
//! Its tables are foreign (`postgres_fdw`). A sale lies with its product, so each shard joins and
//! sums up what is its own, and only sums cross the network; `GET /reports/sales/explain` shows it.

mod foreign;
mod routes;
mod sales;
mod session;

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use tokio_postgres::Config;

use self::session::ReportSession;
use super::TACTICS;
use super::primary::address;
use super::routing::{Desk, RoutingSettings};
use crate::serve::{ServeError, ServeOptions};
use crate::service::sessions::{Database, PoolOptions};

/// A report asks all shards, so few at once are many.
const SESSIONS_MAX: usize = 4;

/// Reports sum up all that was ever sold.
const REPORT_BUDGET: Duration = Duration::from_secs(5);

/// The service.
#[derive(Debug)]
struct Reports {
    desk: Desk,
    /// Where the foreign tables are.
    database: Database<ReportSession>,
    config: Config,
    /// Off: a report that lacks a shard is none.
    is_partial_allowed: bool,
    /// Whether the foreign tables have been made since the start.
    is_set_up: tokio::sync::watch::Sender<bool>,
}

/// Serves until `shutdown` completes.
pub(crate) async fn serve(
    options: ServeOptions,
    shutdown: impl Future<Output = ()> + Send,
) -> Result<(), ServeError> {
    let environment = options.environment();
    let without = environment.without(TACTICS)?;
    let mut settings = RoutingSettings::read(&environment, &options, "reports")?;
    settings.request_budget = environment.duration("REQUEST_BUDGET", REPORT_BUDGET)?;
    let config = environment.required_by("POSTGRES_URL", |url| address(url, &settings.name))?;
    let shards = settings.shards.clone();
    let database = Database::new(PoolOptions {
        name: "fdw".to_owned(),
        address: config.clone(),
        sessions_max: SESSIONS_MAX,
    });
    let reports = Arc::new(Reports {
        desk: Desk::new(settings, "reports"),
        database,
        config,
        is_partial_allowed: !without.contains("partial-answers"),
        is_set_up: tokio::sync::watch::Sender::new(false),
    });
    let routes = routes::router(Arc::clone(&reports));
    let kept = Arc::clone(&reports);
    let beside = async move {
        foreign::set_up(&kept.config, &shards).await;
        kept.is_set_up.send_replace(true);
        kept.database.keep().await;
    };
    reports.desk.serve(&options, routes, beside, shutdown).await
}
