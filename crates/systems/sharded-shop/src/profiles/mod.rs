//! Profiles: written to the primary, read from its replicas as recent as each read needs it.
//!
//! What identifies somebody (email, password) comes from the primary alone, confirmed by a replica:
//! a password that was changed must not open anything again. The name that others see comes from a
//! copy or a replica, and is as old as the reader allows, and no older than what it has seen.

mod desk;
mod draft;
mod metrics;
mod reads;
mod routes;
mod rows;
mod server;
mod settings;
mod watch;
mod writes;

use std::future::Future;
use std::sync::Arc;

use crate::serve::{ServeError, ServeOptions};
use crate::service::server as http;

/// Serves until `shutdown` completes.
pub(crate) async fn serve(
    options: ServeOptions,
    shutdown: impl Future<Output = ()> + Send,
) -> Result<(), ServeError> {
    let settings = settings::Settings::read(&options.environment(), &options)?;
    let client = redis::Client::open(settings.valkey.clone())
        .map_err(|error| ServeError::unusable("VALKEY_URL", error))?;
    let listener = http::listen(&options).await?;
    let desk = Arc::new(desk::Desk::new(settings, client)?);
    let watches = watch::start(&desk);
    tracing::info!(port = options.port, name = desk.settings.name, "listening");
    http::run(listener, routes::router(desk), shutdown).await;
    drop(watches);
    Ok(())
}
