//! app2: orders, in PostgreSQL. An order is there once for each saga and for each client's key.

mod change;
mod draft;
mod lookup;
mod routes;

pub(super) use draft::{OrderDraft, order_id};

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use super::app::{self, AppSettings, Desk};
use crate::serve::{ServeError, ServeOptions};
use crate::service::database;
use crate::service::sessions::PostgresSession;

/// A server that is not there by then is not there.
const CONNECT_TIME_MAX: Duration = Duration::from_millis(500);

/// Serves until `shutdown` completes.
pub(crate) async fn serve(
    options: ServeOptions,
    shutdown: impl Future<Output = ()> + Send,
) -> Result<(), ServeError> {
    let environment = options.environment();
    environment.without(super::TACTICS)?;
    let settings = AppSettings::read(&environment, &options, "orders")?;
    let mut address = database::address(&environment, &settings.name)?;
    address.connect_timeout(CONNECT_TIME_MAX);
    let desk = Arc::new(Desk::<PostgresSession>::new(settings, address, "orders"));
    app::serve(&options, Arc::clone(&desk), routes::router(desk), shutdown).await
}
