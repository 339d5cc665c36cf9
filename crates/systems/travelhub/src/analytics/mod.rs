//! Analytics: reports from the log of reservations, in a database of its own. It is in nobody's
//! way: whatever becomes of it, no booking knows.

mod office;
mod projection;
mod routes;

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;

use super::following::{Follow, FollowerSettings, Role};
use crate::serve::{ServeError, ServeOptions};
use crate::service::heartbeat::Heartbeats;
use crate::service::server;

const ROLE: Role =
    Role { name: "analytics", poll_every: Duration::from_secs(2), tactic: "isolation" };

/// Serves until `shutdown` completes.
pub(crate) async fn serve(
    options: ServeOptions,
    shutdown: impl Future<Output = ()> + Send,
) -> Result<(), ServeError> {
    let environment = options.environment();
    let settings = FollowerSettings::read(&environment, &options, ROLE)?;
    let heartbeats = Heartbeats::read(&environment, &environment.service_name(ROLE.name))?;
    drop(environment);
    let listener = server::listen(&options).await?;
    let office = Arc::new(office::Office::new(settings));
    let (mut beside, beating) = (JoinSet::new(), heartbeats.start());
    let follow = Follow::new(ROLE, &office.settings, &office.database, &office.progress);
    beside.spawn(follow.run::<projection::Reports>());
    tracing::info!(port = options.port, "listening");
    server::run(listener, routes::router(office), shutdown).await;
    drop((beside, beating));
    Ok(())
}
