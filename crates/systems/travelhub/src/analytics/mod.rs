//! Analytics: reports from the log of reservations, in a database of its own. It is in nobody's
//! way: whatever becomes of it, no booking knows.

mod office;
mod projection;
mod routes;
mod settings;

use std::future::Future;
use std::sync::Arc;

use tokio::task::JoinSet;

use super::following::{Feed, Follow};
use crate::serve::{ServeError, ServeOptions};
use crate::service::environment::Environment;
use crate::service::heartbeat::Heartbeats;
use crate::service::server;

/// As in `system.toml`.
const NAME: &str = "analytics";

/// Serves until `shutdown` completes.
pub(crate) async fn serve(
    options: ServeOptions,
    shutdown: impl Future<Output = ()> + Send,
) -> Result<(), ServeError> {
    let environment = Environment::of_process();
    let settings = settings::Settings::read(&environment, &options)?;
    let heartbeats = Heartbeats::read(&environment, &environment.service_name("analytics"))?;
    drop(environment);
    let listener = server::listen(&options).await?;
    let office = Arc::new(office::Office::new(settings));
    let (mut beside, beating) = (JoinSet::new(), heartbeats.start());
    let follow = Follow {
        name: NAME,
        database: Arc::clone(&office.database),
        feed: Feed::new(office.settings.reservations.clone(), NAME),
        poll_every: office.settings.poll_every,
        progress: Arc::clone(&office.progress),
    };
    if office.settings.is_isolated {
        beside.spawn(follow.run::<projection::Reports>());
    } else {
        beside.spawn(follow.only_listen());
    }
    tracing::info!(port = options.port, "listening");
    server::run(listener, routes::router(office), shutdown).await;
    drop((beside, beating));
    Ok(())
}
