//! app1: the stock of products, in MariaDB. It never goes below zero, whoever asks for what: the
//! table's constraint says so, and the update that takes stock asks for enough of it.

mod change;
mod products;
mod routes;

use std::future::Future;
use std::sync::Arc;

use super::app::{self, AppSettings, Desk};
use crate::serve::{ServeError, ServeOptions};
use crate::service::sessions::MysqlSession;

/// Serves until `shutdown` completes.
pub(crate) async fn serve(
    options: ServeOptions,
    shutdown: impl Future<Output = ()> + Send,
) -> Result<(), ServeError> {
    let environment = options.environment();
    environment.without(super::TACTICS)?;
    let settings = AppSettings::read(&environment, &options, "stock")?;
    let address = environment.required_by("MARIADB_URL", MysqlSession::address)?;
    let desk = Arc::new(Desk::<MysqlSession>::new(settings, address, "stock"));
    app::serve(&options, Arc::clone(&desk), routes::router(desk), shutdown).await
}
