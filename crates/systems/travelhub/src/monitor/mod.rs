//! The monitor: who is up, by three detectors side by side, and how good each of them is.
//!
//! It pings the services, and reads the heartbeats that they write into its own database, by a
//! fixed limit and by phi. Nobody waits for it, and nothing is decided by it: it is there to tell.

mod beats;
mod case;
mod chart;
mod episode;
mod metrics;
mod pings;
mod quality;
mod routes;
mod settings;
mod store;
mod tradeoff;
mod watching;

use std::future::Future;
use std::sync::Arc;

use crate::serve::{ServeError, ServeOptions};
use crate::service::server;

/// Serves until `shutdown` completes.
pub(crate) async fn serve(
    options: ServeOptions,
    shutdown: impl Future<Output = ()> + Send,
) -> Result<(), ServeError> {
    let settings = settings::Settings::read(&options.environment(), &options)?;
    let listener = server::listen(&options).await?;
    let mut tasks = settings.own_beats.clone().start();
    let metrics = Arc::new(metrics::Metrics::new(settings.clock_scale));
    let monitor = Arc::new(watching::Monitor::new(settings));
    pings::start(&monitor, &mut tasks);
    tasks.spawn(beats::read(Arc::clone(&monitor)));
    tracing::info!(port = options.port, instance = options.instance, "listening");
    server::run(listener, routes::router(routes::App { monitor, metrics }), shutdown).await;
    drop(tasks);
    Ok(())
}
