//! The watchdog of one cluster: the failover crate, told by the environment whom to watch.
//!
//! What it decides and does is that crate's. Here are the names and addresses, and an HTTP surface
//! on which it can be seen.

mod routes;
mod settings;

use std::future::Future;
use std::path::Path;
use std::sync::Arc;

use serde_json::Value;
use standfast_failover::actuator::SocketActuator;
use standfast_failover::core::{NodeId, Options};
use standfast_failover::router::HaProxy;
use standfast_failover::watchdog::{EventLine, Watchdog};
use tokio::net::UnixListener;
use tokio::task::JoinSet;

use crate::serve::{ServeError, ServeOptions};
use crate::service::environment::Environment;
use crate::service::{events, server};

/// Serves until `shutdown` completes, or the watchdog cannot rely on its journal.
pub(crate) async fn serve(
    options: ServeOptions,
    shutdown: impl Future<Output = ()> + Send,
) -> Result<(), ServeError> {
    let environment = Environment::of_process();
    environment.without(super::TACTICS)?;
    let settings = settings::Settings::read(&environment)?;
    let control = settings.folder.join("control.sock");
    let commands = take_commands(&settings.folder, &control)?;
    let listener = server::listen(&options).await?;
    let names = settings.members.names();
    let watchdog = Watchdog {
        cluster: settings.cluster.clone(),
        router: Arc::new(HaProxy::new(settings.router_socket, settings.backend, names.clone())),
        actuator: Arc::new(SocketActuator::new(settings.actuator)),
        options: Options::of(names.len()),
        first_primary: NodeId::new(0),
        members: settings.members,
        databases: settings.databases,
        folder: settings.folder,
    };
    let report = Box::new(|line: EventLine| {
        events::report(line.event, &line.node, Value::Object(line.fields));
    });
    tracing::info!(port = options.port, cluster = watchdog.cluster, "listening");
    let mut tasks = JoinSet::new();
    tasks.spawn(watchdog.run(commands, report, std::future::pending()));
    let stopped = async {
        tokio::select! {
            () = shutdown => {}
            Some(ended) = tasks.join_next() => tracing::error!(?ended, "the watchdog ended"),
        }
    };
    server::run(listener, routes::router(control), stopped).await;
    Ok(())
}

/// Takes the socket for commands, from a predecessor that was killed as well: whoever runs holds
/// the lock of the journal, and not this path.
fn take_commands(folder: &Path, path: &Path) -> Result<UnixListener, ServeError> {
    let wrong = |error: std::io::Error| ServeError::Configuration {
        variable: "WATCHDOG_DIR".to_owned(),
        problem: format!("cannot be used: {error}"),
    };
    std::fs::create_dir_all(folder).map_err(wrong)?;
    drop(std::fs::remove_file(path));
    UnixListener::bind(path).map_err(wrong)
}
