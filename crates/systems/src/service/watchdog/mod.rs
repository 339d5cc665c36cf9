//! The watchdog of one cluster: the failover crate, told by the environment whom to watch. Systems
//! offer it as a service under their own names.
//!
//! What it decides and does is that crate's. Here are the names and addresses, and an HTTP surface
//! on which it can be seen.

mod routes;
mod settings;

use std::collections::BTreeSet;
use std::fs::File;
use std::future::Future;
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::Value;
use standfast_failover::actuator::SocketActuator;
use standfast_failover::core::{NodeId, Options, Sabotage};
use standfast_failover::router::HaProxy;
use standfast_failover::watchdog::{EventLine, Watchdog};
use tokio::net::UnixListener;
use tokio::task::JoinSet;

use super::{events, server};
use crate::serve::{ServeError, ServeOptions};

/// Serves until `shutdown` completes, or the watchdog cannot rely on its journal. `tactics` are all
/// that the system may switch off; the four of [`leave_out`] change something here.
pub(crate) async fn serve(
    options: ServeOptions,
    tactics: &[&str],
    shutdown: impl Future<Output = ()> + Send,
) -> Result<(), ServeError> {
    let environment = options.environment();
    let without = environment.without(tactics)?;
    let mut settings = settings::Settings::read(&environment)?;
    leave_out(&without, &mut settings.options);
    let folder = open_folder(&settings.folder)?;
    let control = control_socket(&folder);
    let commands = take_commands(&control)?;
    let listener = server::listen(&options).await?;
    let names = settings.members.names();
    let watchdog = Watchdog {
        cluster: settings.cluster.clone(),
        router: Arc::new(HaProxy::new(settings.router_socket, settings.backend, names)),
        actuator: Arc::new(SocketActuator::new(settings.actuator)),
        options: settings.options,
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

/// Switches tactics off: what is left is a watchdog as many are.
fn leave_out(without: &BTreeSet<String>, options: &mut Options) {
    if without.contains("failover") {
        // A primary that is gone is started again where it is.
        options.failovers_max = 0;
    }
    let rules = [
        // Promotes while the old primary may be alive, and lets it be.
        ("fence", Sabotage::FenceSkipped),
        // Commits wait for nobody; who was seen to be near is promoted.
        ("synchronous-replication", Sabotage::CommitsDoNotWait),
        // Acts before its disk has the decision, and begins anew whenever it is started.
        ("journal", Sabotage::JournalNotAwaited),
    ];
    let left = rules.into_iter().filter(|(name, _)| without.contains(*name));
    options.sabotage.extend(left.map(|(_, rule)| rule));
}

fn open_folder(path: &Path) -> Result<File, ServeError> {
    std::fs::create_dir_all(path).and_then(|()| File::open(path)).map_err(wrong)
}

/// `control.sock` in the folder, by a name that is short enough for a socket wherever that is. It
/// holds for as long as the folder is open here.
fn control_socket(folder: &File) -> PathBuf {
    PathBuf::from(format!("/proc/self/fd/{}/control.sock", folder.as_raw_fd()))
}

/// Takes the socket for commands, from a predecessor that was killed as well: whoever runs holds
/// the lock of the journal, and not this path.
fn take_commands(path: &Path) -> Result<UnixListener, ServeError> {
    drop(std::fs::remove_file(path));
    UnixListener::bind(path).map_err(wrong)
}

fn wrong(error: std::io::Error) -> ServeError {
    ServeError::Configuration {
        variable: "WATCHDOG_DIR".to_owned(),
        problem: format!("cannot be used: {error}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_folder_with_a_long_name_has_a_socket_for_commands() {
        let name = format!("standfast-{}-{}", "long".repeat(30), uuid::Uuid::now_v7());
        let path = std::env::temp_dir().join(name);
        let folder = open_folder(&path).unwrap();
        let control = control_socket(&folder);
        for _ in 0..2 {
            let _commands = take_commands(&control).unwrap();
            assert!(path.join("control.sock").exists());
            tokio::net::UnixStream::connect(&control).await.unwrap();
        }
        std::fs::remove_dir_all(&path).unwrap();
    }
}
