//! app3: reports of orders, in MySQL. What is acknowledged is on the replica as well; `duty` says
//! how that is made sure of where the engine cannot.

mod change;
mod duty;
mod lookup;
mod routes;

use std::future::Future;
use std::sync::Arc;

use super::app::{self, AppSettings, Desk};
use crate::serve::{ServeError, ServeOptions};
use crate::service::sessions::MysqlSession;

/// The application, and its duty.
#[derive(Debug)]
struct Reports {
    desk: Arc<Desk<MysqlSession>>,
    duty: duty::Duty,
}

/// Serves until `shutdown` completes.
pub(crate) async fn serve(
    options: ServeOptions,
    shutdown: impl Future<Output = ()> + Send,
) -> Result<(), ServeError> {
    let environment = options.environment();
    let without = environment.without(super::TACTICS)?;
    let settings = AppSettings::read(&environment, &options, "reports")?;
    let address = environment.required_by("MYSQL_URL", MysqlSession::address)?;
    let mut duty = duty::Duty::read(&environment)?;
    if without.contains("synchronous-replication") {
        duty = duty::Duty::none();
    }
    let mut desk = Desk::<MysqlSession>::new(settings, address, "reports");
    duty.register(desk.metrics.registry());
    tracing::info!(name = desk.settings.name, waits = duty.name(), "acknowledging");
    let desk = Arc::new(desk);
    let reports = Arc::new(Reports { desk: Arc::clone(&desk), duty });
    app::serve(&options, desk, routes::router(reports), shutdown).await
}
