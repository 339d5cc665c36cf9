//! How an application runs: its port, its database watched beside, its answers.

use std::future::Future;
use std::sync::Arc;

use axum::Router;
use tokio::task::JoinSet;

use super::Desk;
use crate::serve::{ServeError, ServeOptions};
use crate::service::server;
use crate::service::sessions::Session;

/// Serves `router`, behind which `desk` is, until `shutdown` completes.
pub(in super::super) async fn serve<S: Session>(
    options: &ServeOptions,
    desk: Arc<Desk<S>>,
    router: Router,
    shutdown: impl Future<Output = ()> + Send,
) -> Result<(), ServeError> {
    let listener = server::listen(options).await?;
    tracing::info!(port = options.port, name = desk.settings.name, "listening");
    let mut beside = JoinSet::new();
    beside.spawn(async move { desk.database.keep().await });
    server::run(listener, router, shutdown).await;
    drop(beside);
    Ok(())
}
