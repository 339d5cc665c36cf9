//! The voter: asks the three replicas at once, and answers with what a majority says.
//!
//! It holds no stock, and trusts no replica by itself. With one of them wrong, late, silent or
//! dead, clients notice nothing; with two, they are told that there is no answer, and never a
//! guess.

mod latencies;
mod ledger;
mod liaison;
mod marks;
mod metrics;
mod question;
mod replica;
mod routes;
mod seats;
mod settings;
mod single;
mod statement;
mod stats;
mod suspicion;
mod voting;

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
    // Jitter should differ between instances: it is not what a run has to repeat.
    let voter = Arc::new(voting::Voter::new(settings, u64::from(std::process::id())));
    let liaison = liaison::start(&voter);
    tracing::info!(port = options.port, instance = options.instance, "listening");
    let app = routes::App { voter, metrics: Arc::new(metrics::Metrics::new()) };
    server::run(listener, routes::router(app), shutdown).await;
    drop(liaison);
    Ok(())
}
