//! Orders: written to the primary in serializable transactions, and decided on nothing that a
//! replica says.
//!
//! A checkout crosses a border: the cart is where customers write whatever happens (AP), stock and
//! orders are where nobody is told what may not be so (CP). What has changed since the customer
//! looked is shown and not assumed.

mod checkout;
mod desk;
mod ledger;
mod list;
mod metrics;
mod routes;
mod settings;

use std::future::Future;
use std::sync::Arc;

use tokio::task::JoinSet;

use crate::serve::{ServeError, ServeOptions};
use crate::service::server;

/// Serves until `shutdown` completes.
pub(crate) async fn serve(
    options: ServeOptions,
    shutdown: impl Future<Output = ()> + Send,
) -> Result<(), ServeError> {
    let settings = settings::Settings::read(&options.environment(), &options)?;
    let listener = server::listen(&options).await?;
    let desk = Arc::new(desk::Desk::new(settings));
    tracing::info!(port = options.port, name = desk.settings.name, "listening");
    let mut beside = JoinSet::new();
    let keeper = Arc::clone(&desk);
    beside.spawn(async move { keeper.primary.keep().await });
    if desk.settings.has_recovery {
        beside.spawn(checkout::recover(Arc::clone(&desk)));
    }
    server::run(listener, routes::router(desk), shutdown).await;
    drop(beside);
    Ok(())
}
