//! Search: finds offers, through a cache that it can do without, and from which it answers when the
//! database is away. What it says of free rooms is for display: whether one is free is decided when
//! it is reserved.

mod catalogue;
mod metrics;
mod routes;
mod settings;
mod subject;
mod watch;

use std::future::Future;
use std::sync::Arc;

use crate::serve::{ServeError, ServeOptions};
use crate::service::heartbeat::Heartbeats;
use crate::service::server;

/// Serves until `shutdown` completes.
pub(crate) async fn serve(
    options: ServeOptions,
    shutdown: impl Future<Output = ()> + Send,
) -> Result<(), ServeError> {
    let environment = options.environment();
    let settings = settings::Settings::read(&environment, &options)?;
    let heartbeats = Heartbeats::read(&environment, &environment.service_name("search"))?;
    drop(environment);
    let client = redis::Client::open(settings.valkey.clone())
        .map_err(|error| ServeError::unusable("VALKEY_URL", error))?;
    let listener = server::listen(&options).await?;
    // Jitter should differ between instances: it is not what a run has to repeat.
    let seed = catalogue::now_ms() ^ u64::from(std::process::id());
    let catalogue = Arc::new(catalogue::Catalogue::new(settings, client, seed));
    let (watches, beating) = (watch::start(&catalogue), heartbeats.start());
    tracing::info!(port = options.port, "listening");
    server::run(listener, routes::router(catalogue), shutdown).await;
    drop((watches, beating));
    Ok(())
}
