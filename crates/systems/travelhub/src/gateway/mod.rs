//! The gateway: the only public entry. It passes requests on to the services, and as long as it
//! lives itself, no user sees that one of these has failed.
//!
//! A request is vetted (`entrance`), finds its route (`routes`), is admitted or shed by priority,
//! and goes to its service within a deadline: retried where that is safe, hedged between instances,
//! through a bulkhead and a breaker (`passing`, `upstream`). What no service answers is answered by
//! what it said last, by a stand-in that says so (`fallback`), or is written down and delivered
//! later (`journal`). Bodies are passed on as they come.

mod admin;
mod assembly;
mod body;
mod delivery;
mod entrance;
mod fallback;
mod falling_back;
mod figures;
mod headers;
mod journal;
mod passing;
mod pending;
mod routes;
mod settings;
mod upstream;

#[cfg(test)]
mod tests;

use std::future::Future;

use crate::serve::{ServeError, ServeOptions};
use crate::service::heartbeat::Heartbeats;
use crate::service::server;

/// Serves until `shutdown` completes.
pub(crate) async fn serve(
    options: ServeOptions,
    shutdown: impl Future<Output = ()> + Send,
) -> Result<(), ServeError> {
    let environment = options.environment();
    let settings = settings::Settings::read(&environment)?;
    let heartbeats = Heartbeats::read(&environment, &environment.service_name("gateway"))?;
    drop(environment);
    let listener = server::listen(&options).await?.into_requests();
    // Jitter and ids should differ between instances: they are not what a run has to repeat.
    let seed = rand::random();
    let (gateway, tasks) =
        assembly::Gateway::try_new(&settings, seed).map_err(assembly::GatewayError::of_settings)?;
    let beating = heartbeats.start();
    tracing::info!(port = options.port, instance = options.instance, "listening");
    server::accept(listener, settings.connections_max, shutdown, move |stream, client, stop| {
        entrance::serve(gateway.clone(), stream, client, stop)
    })
    .await;
    drop((tasks, beating));
    Ok(())
}
