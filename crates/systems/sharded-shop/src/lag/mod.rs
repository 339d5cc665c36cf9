//! How far replicas are behind, as a client sees it: from the acknowledgement of a commit until a
//! replica shows it. Besides, the load that makes them lag, and what the servers say themselves.
//!
//! A marker is a number in one row. It is written to the primary many times a second, and every
//! replica is asked for it over and over, so that each moment is known to about a millisecond. What
//! `pg_stat_replication` calls lag is measured by the primary, ends with its own report, and is
//! shown beside it.

mod distribution;
mod load;
mod metrics;
mod observed;
mod probe;
mod report;
mod routes;
mod servers;
mod settings;
mod state;

use std::future::Future;
use std::sync::Arc;

use crate::serve::{ServeError, ServeOptions};
use crate::service::server;

/// Serves until `shutdown` completes.
pub(crate) async fn serve(
    options: ServeOptions,
    shutdown: impl Future<Output = ()> + Send,
) -> Result<(), ServeError> {
    let settings = settings::Settings::read(&options.environment())?;
    let listener = server::listen(&options).await?;
    let observed = Arc::new(observed::Observed::new(&settings));
    let load = Arc::new(load::Load::new(&settings));
    tracing::info!(port = options.port, nodes = settings.nodes.len(), "listening");
    let mut tasks = probe::start(&settings, &observed);
    servers::start(&mut tasks, &settings, &observed);
    server::run(listener, routes::router(observed, load), shutdown).await;
    drop(tasks);
    Ok(())
}
