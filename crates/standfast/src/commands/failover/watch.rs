//! `standfast failover watch`: a watchdog for a cluster that standfast did not start.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, anyhow};
use standfast_failover::actuator::CommandActuator;
use standfast_failover::core::NodeId;
use standfast_failover::database::postgres::Postgres;
use standfast_failover::database::{Database, Members};
use standfast_failover::router::HaProxy;
use standfast_failover::watchdog::{EventLine, Watchdog};
use tokio::net::UnixListener;

use super::cluster_file::{ClusterFile, EngineName};
use super::finding::{self, SOCKET};
use crate::commands::signals;
use crate::exit::{Answer, Exit, Failure};
use crate::output;

pub(super) async fn run(config: &Path) -> Answer {
    let (mut terminate, mut interrupt) = (signals::terminate()?, signals::interrupt()?);
    let file = ClusterFile::read(config)?;
    let socket = file.folder.join(SOCKET);
    let control = listen(&file.folder, &socket).await?;
    let watchdog = watchdog(&file)?;
    output::note(format!(
        "Watching {}: {}. Commands are taken at {}; `standfast failover status --config {}`",
        file.cluster,
        file.names().join(", "),
        socket.display(),
        config.display()
    ));
    let shutdown = async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    };
    let ended = watchdog.run(control, Box::new(report), shutdown).await;
    drop(std::fs::remove_file(&socket));
    ended.map_err(Failure::unavailable)?;
    Ok(Exit::Held)
}

fn report(line: EventLine) {
    let mut fields = line.fields;
    fields.insert("event".to_owned(), line.event.into());
    fields.insert("node".to_owned(), line.node.into());
    output::result(serde_json::Value::Object(fields));
}

fn watchdog(file: &ClusterFile) -> Result<Watchdog, Failure> {
    let members = Members::new(file.members());
    let mut databases = Vec::new();
    for url in file.urls()? {
        let database: Arc<dyn Database> = match file.engine {
            EngineName::Postgres => {
                let server = Postgres::new(&url, members.clone());
                Arc::new(server.map_err(|error| Failure::new(Exit::Usage, error))?)
            }
        };
        databases.push(database);
    }
    let (program, arguments) =
        file.actuator.command.get_ref().split_first().expect("it was checked that there is one");
    let router =
        HaProxy::new(file.router.socket.clone(), file.router.backend.clone(), members.names());
    Ok(Watchdog {
        cluster: file.cluster.clone(),
        members,
        databases,
        router: Arc::new(router),
        actuator: Arc::new(CommandActuator::new(program.clone(), arguments.to_vec())),
        options: file.options(),
        first_primary: NodeId::new(file.first_primary()),
        folder: file.folder.clone(),
    })
}

/// Takes the socket over from a watchdog that was killed, never from one that answers.
async fn listen(folder: &Path, socket: &Path) -> Result<UnixListener, Failure> {
    let shown = socket.display();
    std::fs::create_dir_all(folder)
        .with_context(|| format!("cannot make the watchdog's folder {}", folder.display()))
        .map_err(Failure::unavailable)?;
    if finding::status(socket).await.is_ok() {
        return Err(Failure::unavailable(anyhow!("a watchdog answers at {shown} already")));
    }
    drop(std::fs::remove_file(socket));
    let listener = UnixListener::bind(socket)
        .with_context(|| format!("cannot take commands at {shown}"))
        .map_err(Failure::unavailable)?;
    // Whoever may command it may have its databases killed.
    std::fs::set_permissions(socket, std::fs::Permissions::from_mode(0o600))
        .map_err(Failure::unavailable)?;
    Ok(listener)
}
