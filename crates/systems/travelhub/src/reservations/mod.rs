//! Reservations: keeps a room, has it paid, and undoes what fails. Every change is in the log of
//! reservations, written in the transaction that makes it.
//!
//! The cashier may be away: then payments are pending, and made later. Whoever follows the log asks
//! for it; this service calls nobody but the cashier.

mod cashier;
mod desk;
mod draft;
mod events;
mod housekeeping;
mod lookup;
mod metrics;
mod payments;
mod query;
mod routes;
mod settings;
mod telling;
mod write;
mod writing;

use std::future::Future;
use std::sync::Arc;

use tokio::task::JoinSet;

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
    let heartbeats = Heartbeats::read(&environment, &environment.service_name("reservations"))?;
    drop(environment);
    let listener = server::listen(&options).await?;
    let (writing, queue) = writing::queue(settings.waiting_max);
    let desk = Arc::new(desk::Desk::new(settings, writing));
    let (mut beside, beating) = (JoinSet::new(), heartbeats.start());
    beside.spawn(write::run(Arc::clone(&desk), queue));
    beside.spawn(payments::run(Arc::clone(&desk)));
    beside.spawn(housekeeping::end_holds(Arc::clone(&desk)));
    beside.spawn(housekeeping::clean_up(Arc::clone(&desk)));
    if let Some(address) = desk.settings.push_to.clone() {
        beside.spawn(telling::push(Arc::clone(&desk), address));
    }
    tracing::info!(port = options.port, "listening");
    server::run(listener, routes::router(desk), shutdown).await;
    drop((beside, beating));
    Ok(())
}
