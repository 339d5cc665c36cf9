//! The resharder: makes the servers shards, and moves slots between them while the shop is open.
//!
//! What it decides and does is the reshard crate's. Here are the names and addresses, the duty of
//! one coordinator that goes on whatever happens, and an HTTP surface on which moves are asked for
//! and seen. It may be killed at any time: everything that it must know is in the catalog.

mod desk;
mod duty;
mod metrics;
mod request;
mod routes;
mod settings;

use std::future::Future;
use std::sync::Arc;

use standfast_reshard::core::Sabotage;
use tokio::task::JoinSet;

use crate::serve::{ServeError, ServeOptions};
use crate::service::server;

/// Serves until `shutdown` completes.
pub(crate) async fn serve(
    options: ServeOptions,
    shutdown: impl Future<Output = ()> + Send,
) -> Result<(), ServeError> {
    let environment = options.environment();
    let without = environment.without(super::TACTICS)?;
    let mut settings = settings::Settings::read(&environment)?;
    if without.contains("slot-guard") {
        settings.fleet.options.sabotage = Some(Sabotage::GuardLeftOut);
    }
    let listener = server::listen(&options).await?;
    let desk = Arc::new(desk::Desk::new(settings));
    tracing::info!(port = options.port, shards = desk.settings.fleet.shards.len(), "listening");
    let mut tasks = JoinSet::new();
    if !without.contains("move-resume") {
        tasks.spawn(duty::run(Arc::clone(&desk)));
    } else {
        tasks.spawn(duty::run_without_resuming(Arc::clone(&desk)));
    }
    let stopped = async {
        tokio::select! {
            () = shutdown => {}
            Some(ended) = tasks.join_next() => tracing::error!(?ended, "the coordinator ended"),
        }
    };
    server::run(listener, routes::router(Arc::clone(&desk)), stopped).await;
    Ok(())
}
