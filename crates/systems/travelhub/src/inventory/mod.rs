//! Inventory: how many rooms are free, as a projection of the log of reservations. It decides about
//! nothing; while it is away, bookings go on, and afterwards it finds by itself what it missed.

mod projection;
mod routes;
mod settings;
mod stock;

use std::future::Future;
use std::sync::Arc;

use tokio::task::JoinSet;

use super::following::Follow;
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
    let heartbeats =
        Heartbeats::read(&environment, &environment.service_name(settings::ROLE.name))?;
    drop(environment);
    let listener = server::listen(&options).await?;
    let stock = Arc::new(stock::Stock::new(settings));
    let (mut beside, beating) = (JoinSet::new(), heartbeats.start());
    let follower = &stock.settings.follower;
    let follow = Follow::new(settings::ROLE, follower, &stock.database, &stock.progress);
    beside.spawn(follow.run::<projection::Rooms>());
    beside.spawn(stock::keep_comparing(Arc::clone(&stock)));
    tracing::info!(port = options.port, "listening");
    server::run(listener, routes::router(stock), shutdown).await;
    drop((beside, beating));
    Ok(())
}
