//! A shop on shards. `README.md` beside this folder says what it promises, and to whom.

use std::future::Future;

use crate::serve::{ServeError, ServeOptions};
use crate::service::watchdog;

/// The names that `STANDFAST_WITHOUT` may hold, as in `system.toml`. Every service takes them all,
/// since an arm of an experiment switches a tactic off in the whole system.
const TACTICS: &[&str] = &["failover", "fence", "synchronous-replication", "journal"];

/// Serves the watchdog of the core or of a shard until `shutdown` completes.
pub(crate) async fn serve_watchdog(
    options: ServeOptions,
    shutdown: impl Future<Output = ()> + Send,
) -> Result<(), ServeError> {
    watchdog::serve(options, TACTICS, shutdown).await
}
