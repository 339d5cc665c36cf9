//! The inventory: consistent, and available to whoever reaches the primary that has a replica.
//!
//! Stock is decided by one conditional update at the owner of the product's slot, and acknowledged
//! when a replica has it. Whoever is on the side of a partition without a replica gets a refusal
//! within the request's deadline, also for a read: an old primary that does not know that it is
//! none any more would show what was true before.

mod product;
mod routes;
mod take;

use std::future::Future;
use std::sync::Arc;

use super::TACTICS;
use super::routing::{Desk, RoutingSettings};
use crate::serve::{ServeError, ServeOptions};

/// Serves until `shutdown` completes.
pub(crate) async fn serve(
    options: ServeOptions,
    shutdown: impl Future<Output = ()> + Send,
) -> Result<(), ServeError> {
    let environment = options.environment();
    environment.without(TACTICS)?;
    let settings = RoutingSettings::read(&environment, &options, "inventory")?;
    let desk = Arc::new(Desk::new(settings, "inventory"));
    let routes = routes::router(Arc::clone(&desk));
    desk.serve(&options, routes, std::future::pending(), shutdown).await
}
