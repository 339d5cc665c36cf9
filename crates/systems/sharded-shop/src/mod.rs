//! A shop on shards. `README.md` beside this folder says what it promises, and to whom.

mod cart;
mod inventory;
mod lag;
mod orders;
mod primary;
mod profiles;
mod reports;
mod resharder;
mod routing;
mod shop;

pub(crate) use cart::serve as serve_cart;
pub(crate) use inventory::serve as serve_inventory;
pub(crate) use lag::serve as serve_lag;
pub(crate) use orders::serve as serve_orders;
pub(crate) use profiles::serve as serve_profiles;
pub(crate) use reports::serve as serve_reports;
pub(crate) use resharder::serve as serve_resharder;
pub(crate) use shop::serve as serve_shop;

use std::future::Future;

use crate::serve::{ServeError, ServeOptions};
use crate::service::watchdog;

/// The names that `STANDFAST_WITHOUT` may hold, as in `system.toml`. Every service takes them all,
/// since an arm of an experiment switches a tactic off in the whole system.
const TACTICS: &[&str] = &[
    "failover",
    "fence",
    "synchronous-replication",
    "journal",
    "move-resume",
    "slot-guard",
    "replica-router",
    "invalidation",
    "checkout-recovery",
    "dotted-cart",
    "anti-entropy",
    "cart-journal",
    "partial-answers",
];

/// Serves the watchdog of the core or of a shard until `shutdown` completes.
pub(crate) async fn serve_watchdog(
    options: ServeOptions,
    shutdown: impl Future<Output = ()> + Send,
) -> Result<(), ServeError> {
    watchdog::serve(options, TACTICS, shutdown).await
}
