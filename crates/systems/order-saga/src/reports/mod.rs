//! app3: reports of orders, in MySQL. What is acknowledged is on the replica as well; `duty` says
//! how that is made sure of where the engine cannot.

mod change;
mod duty;
mod lookup;
mod routes;

use std::future::Future;
use std::sync::Arc;

use tokio::task::JoinSet;

use super::app::{AppSettings, Desk};
use super::database::MysqlSession;
use crate::serve::{ServeError, ServeOptions};
use crate::service::environment::Environment;
use crate::service::server;

/// The application, and its duty.
#[derive(Debug)]
struct Reports {
    desk: Desk<MysqlSession>,
    duty: duty::Duty,
}

/// Serves until `shutdown` completes.
pub(crate) async fn serve(
    options: ServeOptions,
    shutdown: impl Future<Output = ()> + Send,
) -> Result<(), ServeError> {
    let environment = Environment::of_process();
    let without = environment.without(super::TACTICS)?;
    let settings = AppSettings::read(&environment, &options, "reports")?;
    let url: String = environment.required("MYSQL_URL")?;
    let wrong = |variable: &str, problem: String| ServeError::Configuration {
        variable: variable.to_owned(),
        problem,
    };
    let address = MysqlSession::address(&url)
        .map_err(|error| wrong("MYSQL_URL", format!("cannot be used: {error}")))?;
    let mut duty = duty::Duty::read(&environment, wrong)?;
    if without.contains("synchronous-replication") {
        duty = duty::Duty::none();
    }
    let listener = server::listen(&options).await?;
    let mut desk = Desk::<MysqlSession>::new(settings, address, "reports");
    duty.register(desk.metrics.registry());
    let reports = Arc::new(Reports { desk, duty });
    let mut beside = JoinSet::new();
    let kept = Arc::clone(&reports);
    beside.spawn(async move { kept.desk.database.keep().await });
    let name = &reports.desk.settings.name;
    tracing::info!(port = options.port, name, waits = reports.duty.name(), "listening");
    server::run(listener, routes::router(reports), shutdown).await;
    drop(beside);
    Ok(())
}
