//! What an instance is brought up with, and why it may not come up.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use standfast_engines::hosts::HostsError;
use standfast_engines::process::Spawner;
use standfast_engines::{Home, HomeError, MissingTool, SecretsError};

use super::events::EventSink;
use super::folder::FolderError;
use super::ports::{PortError, Ports};
use super::template::TemplateError;
use super::unit::UnitError;
use crate::spec::{Edge, Manager, UnknownPlaceholder};

/// How to bring a system up.
#[derive(Clone, Debug)]
pub struct ProvisionOptions {
    /// The name of the instance; its folder is called so.
    pub name: String,
    pub home: Home,
    pub ports: Ports,
    /// Tactics that are switched off.
    pub without: Vec<String>,
    /// More variables, per service.
    pub environment: BTreeMap<String, BTreeMap<String, String>>,
    /// Engines that run elsewhere, with their URLs.
    pub external: BTreeMap<String, String>,
    /// Which links can be broken.
    pub network: Network,
    /// Whether every process gets a host of its own, which can be isolated.
    pub own_hosts: bool,
    /// What chance in network faults is drawn from.
    pub seed: u64,
    /// Whether the folder is deleted at the end.
    pub ephemeral: bool,
    /// The binary whose services `serve = "SYSTEM/SERVICE"` means.
    pub serve_binary: PathBuf,
    pub spawner: Spawner,
    /// Also holds the clock that events are stamped with.
    pub events: EventSink,
}

/// Which edges lead through the fault proxy: only those can be broken, and each costs its hop.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Network {
    #[default]
    Direct,
    Edges(BTreeSet<Edge>),
    /// All whose connecting side is started by the lab.
    All,
}

/// How long a part of the provisioning took.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stage {
    pub name: String,
    pub took: Duration,
}

/// Why a system did not come up.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProvisionError {
    #[error("`{name}` is no name for an instance: lower-case letters, digits and hyphens")]
    Name { name: String },
    #[error("instance `{name}` runs already, supervised by pid {}", pid_text(*pid))]
    AlreadyRunning { name: String, pid: Option<u32> },
    #[error("`{name}` is no {what} of {system}{}", suggest(suggestion.as_deref()))]
    Unknown { what: &'static str, name: String, system: String, suggestion: Option<String> },
    #[error("`{replica}` cannot replicate `{primary}`, which runs elsewhere: give its URL as well")]
    ExternalPrimary { replica: String, primary: String },
    #[error(
        "`{url}` of `{engine}` is no URL like postgresql://user:password@host:port/database, and \
         not host:port of a broker"
    )]
    ExternalUrl { engine: String, url: String },
    #[error("`{engine}` runs elsewhere, where processes on hosts of their own cannot reach it")]
    ExternalHost { engine: String },
    #[error(transparent)]
    Hosts(#[from] HostsError),
    #[error("the data of instance `{name}` was made for other engines: it has no `{engine}`")]
    OtherData { name: String, engine: String },
    #[error(
        "the data of instance `{name}` is that of {made_for} broker(s), not of {asked_for}: give \
         --brokers {made_for}, or delete it with `standfast down --data --instance {name}`"
    )]
    OtherBrokers { name: String, made_for: usize, asked_for: usize },
    #[error(
        "the data of instance `{name}` is managed by {made_for}, not by {asked_for}: give \
         --manager {made_for}, or delete it with `standfast down --data --instance {name}`"
    )]
    OtherManager { name: String, made_for: Manager, asked_for: Manager },
    #[error("`{broker}` cannot join `{other}`, which runs elsewhere: a cluster runs here or there")]
    ExternalCluster { broker: String, other: String },
    #[error("`{process}`: {source}")]
    Placeholder { process: String, source: UnknownPlaceholder },
    #[error("`{process}`: {source}")]
    Source { process: String, source: crate::spec::SourceError },
    #[error("link {edge} through the fault proxy: {source}")]
    Link { edge: Edge, source: standfast_faultproxy::ProxyError },
    #[error(transparent)]
    FaultProxy(#[from] standfast_faultproxy::StartError),
    #[error(transparent)]
    Actuator(#[from] crate::actuator::ActuatorError),
    #[error(transparent)]
    MissingTool(#[from] MissingTool),
    #[error(transparent)]
    Home(#[from] HomeError),
    #[error(transparent)]
    Folder(#[from] FolderError),
    #[error(transparent)]
    Port(#[from] PortError),
    #[error(transparent)]
    Secrets(#[from] SecretsError),
    #[error(transparent)]
    Template(#[from] TemplateError),
    /// A failure of one start is told to all who wait for it.
    #[error("{0}")]
    Start(Arc<UnitError>),
}

impl ProvisionError {
    /// Whether what was asked for is wrong, whatever the machine has.
    pub fn is_mistake(&self) -> bool {
        matches!(
            self,
            Self::Name { .. }
                | Self::Unknown { .. }
                | Self::ExternalPrimary { .. }
                | Self::ExternalUrl { .. }
                | Self::ExternalHost { .. }
                | Self::ExternalCluster { .. }
        )
    }
}

fn pid_text(pid: Option<u32>) -> String {
    pid.map_or_else(|| "unknown".to_owned(), |pid| pid.to_string())
}

fn suggest(suggestion: Option<&str>) -> String {
    suggestion.map_or_else(String::new, |word| format!("; did you mean `{word}`?"))
}
