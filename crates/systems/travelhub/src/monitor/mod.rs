//! The monitor: who is up, by three detectors side by side, and how good each of them is.
//!
//! It pings the services, and reads the heartbeats that they write into its own database, by a
//! fixed limit and by phi. Nobody waits for it, and nothing is decided by it: it is there to tell.

mod settings;

use std::future::Future;

use crate::serve::{ServeError, ServeOptions};
use crate::service::environment::Environment;
use crate::service::server;

/// Serves until `shutdown` completes.
pub(crate) async fn serve(
    options: ServeOptions,
    shutdown: impl Future<Output = ()> + Send,
) -> Result<(), ServeError> {
    let settings = settings::Settings::read(&Environment::of_process(), &options)?;
    let listener = server::listen(&options).await?;
    let own_beats = settings.own_beats.clone().start();
    tracing::info!(port = options.port, instance = options.instance, "listening");
    server::run(listener, axum::Router::new(), shutdown).await;
    drop(own_beats);
    Ok(())
}
