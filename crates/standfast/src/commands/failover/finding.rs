//! Which watchdog is meant: one of an instance, one with a file of its own, or one behind a socket.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::anyhow;
use standfast_failover::watchdog::{Question, Status, ask};
use standfast_lab::control;
use standfast_lab::instance::InstanceFolder;
use tokio::time::timeout;

use super::cluster_file::{ClusterFile, EngineName};
use crate::cli::WatchdogArguments;
use crate::commands::{instances, session};
use crate::exit::Failure;

/// Where a watchdog takes questions, below its folder.
pub(super) const SOCKET: &str = "control.sock";

/// It answers within a turn of its loop; one that does not is stopped, or no watchdog.
const ANSWER_WITHIN: Duration = Duration::from_secs(2);

/// A watchdog that answers.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) socket: PathBuf,
    pub(super) status: Status,
    pub(super) origin: Origin,
}

/// What is known of a cluster besides what its watchdog says.
#[derive(Debug)]
pub(super) enum Origin {
    Socket,
    Config {
        path: PathBuf,
        file: Box<ClusterFile>,
    },
    Instance {
        name: String,
        /// The service that is the watchdog.
        service: String,
        folder: InstanceFolder,
        /// What each node is, such as `postgres`.
        kinds: BTreeMap<String, String>,
    },
}

impl Found {
    /// How to say on a command line that this watchdog is meant.
    pub(super) fn option(&self) -> String {
        match &self.origin {
            Origin::Socket => format!(" --socket {}", self.socket.display()),
            Origin::Config { path, .. } => format!(" --config {}", path.display()),
            Origin::Instance { name, .. } => format!(" --instance {name}"),
        }
    }

    /// The engine of the nodes, when that is known.
    pub(super) fn engine(&self) -> Option<EngineName> {
        match &self.origin {
            Origin::Socket => None,
            Origin::Config { file, .. } => Some(file.engine),
            Origin::Instance { kinds, .. } => EngineName::of_kind(kinds.get(&self.status.primary)?),
        }
    }

    /// Where a node keeps its data, when that is known.
    pub(super) fn data(&self, node: &str) -> Option<PathBuf> {
        match &self.origin {
            Origin::Socket => None,
            Origin::Config { file, .. } => file.data(node),
            Origin::Instance { folder, .. } => Some(folder.data(node)),
        }
    }
}

/// All that are meant: at least one, and exactly that of `cluster` when one is named.
pub(super) async fn several(
    arguments: &WatchdogArguments,
    cluster: Option<&str>,
) -> Result<Vec<Found>, Failure> {
    let mut found = all(arguments).await?;
    if let Some(cluster) = cluster {
        let known: Vec<String> = found.iter().map(|one| one.status.cluster.clone()).collect();
        found.retain(|one| one.status.cluster == cluster);
        if found.is_empty() {
            let known = known.join(", ");
            let text = format!("no watchdog of `{cluster}` answers; those that do watch {known}");
            return Err(Failure::unavailable(anyhow!(text)));
        }
    }
    Ok(found)
}

/// The one that is meant.
pub(super) async fn one(
    arguments: &WatchdogArguments,
    cluster: Option<&str>,
) -> Result<Found, Failure> {
    let mut found = several(arguments, cluster).await?;
    if found.len() > 1 {
        let names: Vec<&str> = found.iter().map(|one| one.status.cluster.as_str()).collect();
        let text = format!("there are several clusters, say which: {}", names.join(", "));
        return Err(Failure::usage(text));
    }
    Ok(found.remove(0))
}

async fn all(arguments: &WatchdogArguments) -> Result<Vec<Found>, Failure> {
    if let Some(socket) = &arguments.socket {
        let status = status(socket).await?;
        return Ok(vec![Found { socket: socket.clone(), status, origin: Origin::Socket }]);
    }
    if let Some(path) = &arguments.config {
        let file = ClusterFile::read(path)?;
        let socket = file.folder.join(SOCKET);
        let status = status(&socket).await?;
        // What is printed with it is pasted elsewhere.
        let path = std::path::absolute(path).unwrap_or_else(|_| path.clone());
        let origin = Origin::Config { path, file: Box::new(file) };
        return Ok(vec![Found { socket, status, origin }]);
    }
    of_instance(arguments).await
}

/// What the watchdog at `socket` says.
pub(super) async fn status(socket: &Path) -> Result<Status, Failure> {
    let asked = timeout(ANSWER_WITHIN, ask(socket, &Question::Status)).await;
    let answer = asked
        .map_err(|_elapsed| anyhow!("the watchdog at {} does not answer", socket.display()))
        .and_then(|answer| Ok(answer?))
        .map_err(Failure::unavailable)?;
    serde_json::from_value(answer).map_err(|error| {
        let text = format!("what answers at {} is no watchdog of this version", socket.display());
        Failure::unavailable(anyhow::Error::new(error).context(text))
    })
}

async fn of_instance(arguments: &WatchdogArguments) -> Result<Vec<Found>, Failure> {
    let home = session::home()?;
    let nothing = "no instance is up; --config or --socket names a watchdog of your own";
    if arguments.instance.instance.is_none() && instances::all(&home).is_empty() {
        return Err(Failure::unavailable(anyhow!(nothing)));
    }
    let name = instances::choose(&home, &arguments.instance)?;
    let shown = control::ps(&home, &name).await.map_err(Failure::unavailable)?;
    let folder = InstanceFolder::of(&home, &name);
    let kinds: BTreeMap<String, String> =
        shown.processes.iter().map(|one| (one.name.clone(), one.kind.clone())).collect();
    let (mut found, mut silent) = (Vec::new(), Vec::new());
    for (service, _) in kinds.iter().filter(|(_, kind)| *kind == "service") {
        for socket in sockets(&folder.data(service)) {
            let (name, service) = (name.clone(), service.clone());
            let (folder, kinds) = (folder.clone(), kinds.clone());
            match status(&socket).await {
                Ok(status) => {
                    let origin = Origin::Instance { name, service, folder, kinds };
                    found.push(Found { socket, status, origin });
                }
                Err(_silent) => silent.push(service),
            }
        }
    }
    if found.is_empty() {
        let text = match silent.as_slice() {
            [] => format!("no service of `{name}` is a watchdog"),
            names => format!(
                "no watchdog of `{name}` answers: {} may be stopped, see `standfast ps`",
                names.join(", ")
            ),
        };
        return Err(Failure::unavailable(anyhow!(text)));
    }
    Ok(found)
}

/// The folder of a service, or one in it, is its watchdog's.
fn sockets(data: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(data).into_iter().flatten().flatten();
    let mut folders: Vec<PathBuf> =
        entries.map(|entry| entry.path()).filter(|path| path.is_dir()).collect();
    folders.push(data.to_owned());
    folders.sort();
    let sockets = folders.into_iter().map(|folder| folder.join(SOCKET));
    sockets.filter(|socket| socket.exists()).collect()
}
