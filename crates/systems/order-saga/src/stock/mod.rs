//! app1: the stock of products, in MariaDB. It never goes below zero, whoever asks for what: the
//! table's constraint says so, and the update that takes stock asks for enough of it.

mod change;
mod products;
mod routes;

use std::future::Future;
use std::sync::Arc;

use tokio::task::JoinSet;

use super::app::{AppSettings, Desk};
use super::database::MysqlSession;
use crate::serve::{ServeError, ServeOptions};
use crate::service::environment::Environment;
use crate::service::server;

/// Serves until `shutdown` completes.
pub(crate) async fn serve(
    options: ServeOptions,
    shutdown: impl Future<Output = ()> + Send,
) -> Result<(), ServeError> {
    let environment = Environment::of_process();
    environment.without(super::TACTICS)?;
    let settings = AppSettings::read(&environment, &options, "stock")?;
    let url: String = environment.required("MARIADB_URL")?;
    let address = MysqlSession::address(&url).map_err(|error| ServeError::Configuration {
        variable: "MARIADB_URL".to_owned(),
        problem: format!("cannot be used: {error}"),
    })?;
    let listener = server::listen(&options).await?;
    let desk = Arc::new(Desk::<MysqlSession>::new(settings, address, "stock"));
    let mut beside = JoinSet::new();
    let kept = Arc::clone(&desk);
    beside.spawn(async move { kept.database.keep().await });
    tracing::info!(port = options.port, name = desk.settings.name, "listening");
    server::run(listener, routes::router(desk), shutdown).await;
    drop(beside);
    Ok(())
}
