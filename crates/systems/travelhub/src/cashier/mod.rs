//! The cashier: has five payment replicas find what a charge comes to, believes what three of them
//! sign, and makes the charge once.
//!
//! Two replicas may do whatever they like: they are outvoted, named in the same vote, left out, and
//! taken back when they have agreed again. When three lie, five cannot tell who is right: the
//! cashier refuses, and says so. What it cannot find out is three that tell the same lie, and one
//! that tells lies only to those who never compare them with what it told the cashier.

mod beside;
mod desk;
mod examine;
mod ledger;
mod replica;
mod roster;
mod round;
mod routes;
mod settings;
mod single;
mod stats;
mod voting;

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
    let heartbeats = Heartbeats::read(&environment, &environment.service_name("cashier"))?;
    let listener = server::listen(&options).await?;
    let desk = Arc::new(desk::Desk::new(settings));
    let (beside, beating) = (beside::start(&desk), heartbeats.start());
    tracing::info!(port = options.port, name = desk.collector.settings.name, "listening");
    server::run(listener, routes::router(desk), shutdown).await;
    drop((beside, beating));
    Ok(())
}
