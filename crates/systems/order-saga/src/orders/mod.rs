//! app2: orders, in PostgreSQL. An order is there once for each saga and for each client's key.

mod change;
mod draft;
mod lookup;
mod routes;

pub(super) use draft::{OrderDraft, order_id};

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;

use super::app::{AppSettings, Desk};
use super::database::PostgresSession;
use crate::serve::{ServeError, ServeOptions};
use crate::service::environment::Environment;
use crate::service::server;

/// A server that is not there by then is not there.
const CONNECT_TIME_MAX: Duration = Duration::from_millis(500);

/// Serves until `shutdown` completes.
pub(crate) async fn serve(
    options: ServeOptions,
    shutdown: impl Future<Output = ()> + Send,
) -> Result<(), ServeError> {
    let environment = Environment::of_process();
    environment.without(super::TACTICS)?;
    let settings = AppSettings::read(&environment, &options, "orders")?;
    let mut address: tokio_postgres::Config = environment.required("POSTGRES_URL")?;
    address.connect_timeout(CONNECT_TIME_MAX).application_name(&settings.name);
    let listener = server::listen(&options).await?;
    let desk = Arc::new(Desk::<PostgresSession>::new(settings, address, "orders"));
    let mut beside = JoinSet::new();
    let kept = Arc::clone(&desk);
    beside.spawn(async move { kept.database.keep().await });
    tracing::info!(port = options.port, name = desk.settings.name, "listening");
    server::run(listener, routes::router(desk), shutdown).await;
    drop(beside);
    Ok(())
}
