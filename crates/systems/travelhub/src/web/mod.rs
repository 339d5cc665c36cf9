//! The storefront: one page with its script and style, which are part of this binary.
//!
//! It knows nothing and nobody: whatever the page shows, it asks the gateway for. So it can be away
//! without anybody missing it who has the page already.

mod files;
mod routes;

use std::future::Future;

use crate::serve::{ServeError, ServeOptions};
use crate::service::heartbeat::Heartbeats;
use crate::service::server;

/// Serves until `shutdown` completes.
pub(crate) async fn serve(
    options: ServeOptions,
    shutdown: impl Future<Output = ()> + Send,
) -> Result<(), ServeError> {
    let environment = options.environment();
    environment.without(super::TACTICS)?;
    let heartbeats = Heartbeats::read(&environment, &environment.service_name("web"))?;
    drop(environment);
    let listener = server::listen(&options).await?;
    let beating = heartbeats.start();
    tracing::info!(port = options.port, "listening");
    server::run(listener, routes::router(), shutdown).await;
    drop(beating);
    Ok(())
}
