//! Orders over three databases, each with a replica, a proxy and a watchdog. `README.md` beside
//! this folder says what it promises.
//!
//! The `middleware` takes an order and drives it through the three applications as a saga: `stock`
//! gives the goods, `orders` keeps the order, `reports` reports it.

mod app;
mod middleware;
mod orders;
mod reports;
mod step;
mod stock;

pub(crate) use middleware::serve as serve_middleware;
pub(crate) use orders::serve as serve_orders;
pub(crate) use reports::serve as serve_reports;
pub(crate) use stock::serve as serve_stock;

use std::future::Future;

use crate::serve::{ServeError, ServeOptions};
use crate::service::watchdog;

/// The names that `STANDFAST_WITHOUT` may hold, as in `system.toml`. Every service takes them all,
/// since an arm of an experiment switches a tactic off in the whole system.
const TACTICS: &[&str] = &["saga", "failover", "fence", "synchronous-replication", "journal"];

/// Serves the watchdog of one of the three clusters until `shutdown` completes.
pub(crate) async fn serve_watchdog(
    options: ServeOptions,
    shutdown: impl Future<Output = ()> + Send,
) -> Result<(), ServeError> {
    watchdog::serve(options, TACTICS, shutdown).await
}
