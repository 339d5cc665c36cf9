//! The shop: users and products over all shards.
//!
//! What is about one key goes to its owner. What is about all is asked of all shards at once, with
//! a deadline, and an answer that lacks some says so: which shards, which slots, and why.

mod figures;
mod gather;
mod listing;
mod placements;
mod routes;
mod users;

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;

use super::TACTICS;
use super::routing::{Desk, RoutingSettings};
use crate::serve::{ServeError, ServeOptions};

/// A shard that has not answered by then is left out. It answers in a few ms.
const PATIENCE: Duration = Duration::from_millis(400);

/// The service.
#[derive(Debug)]
struct Shop {
    desk: Desk,
    patience: Duration,
    /// Off: an answer that lacks a shard is none.
    is_partial_allowed: bool,
    /// Placements take a processor for a second: one at a time.
    placing: Arc<Semaphore>,
}

/// Serves until `shutdown` completes.
pub(crate) async fn serve(
    options: ServeOptions,
    shutdown: impl Future<Output = ()> + Send,
) -> Result<(), ServeError> {
    let environment = options.environment();
    let without = environment.without(TACTICS)?;
    let settings = RoutingSettings::read(&environment, &options, "shop")?;
    let shop = Arc::new(Shop {
        desk: Desk::new(settings, "shop"),
        patience: environment.duration("SHARD_PATIENCE", PATIENCE)?,
        is_partial_allowed: !without.contains("partial-answers"),
        placing: Arc::new(Semaphore::new(1)),
    });
    let routes = routes::router(Arc::clone(&shop));
    shop.desk.serve(&options, routes, std::future::pending(), shutdown).await
}
