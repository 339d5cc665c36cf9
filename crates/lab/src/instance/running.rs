//! The handle of a running instance: what its owner can ask of it and do to it.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use serde::{Deserialize, Serialize};
use standfast_engines::process::reap;
use tokio::task::JoinSet;

use super::address::Address;
use super::events::EventSink;
use super::fault_ports::Levers;
use super::faults::Held;
use super::folder::{FolderError, InstanceFolder, InstanceLock};
use super::hosts::Hosts;
use super::http::HttpError;
use super::metrics::{Metrics, ScrapeError};
use super::options::Stage;
use super::order::KeeperHandle;
use super::ports::PortPlan;
use super::registry::Registry;
use super::routes::Routes;
use super::status::{ProcessSnapshot, ProcessState, Role, memory_bytes};
use super::unit::UnitError;
use crate::fault::FaultKind;
use crate::spec::{EngineKind, System};

/// A system that runs. When it is dropped, every process of it ends at once.
#[derive(Debug)]
pub struct Instance {
    pub(super) parts: InstanceParts,
    stages: Vec<Stage>,
    /// Faults that are in effect.
    pub(super) faults: Mutex<Vec<Held>>,
    pub(super) is_down: bool,
}

#[derive(Debug)]
pub(super) struct InstanceParts {
    pub(super) system: Arc<System>,
    pub(super) folder: InstanceFolder,
    #[expect(dead_code, reason = "held until the instance ends")]
    pub(super) lock: InstanceLock,
    #[expect(dead_code, reason = "held, so that no other instance is given the same ports")]
    pub(super) ports: PortPlan,
    pub(super) registry: Arc<Registry>,
    pub(super) addresses: BTreeMap<String, Address>,
    /// Where the processes live.
    pub(super) hosts: Hosts,
    /// Links that lead through the fault proxy.
    pub(super) routes: Routes,
    pub(super) keepers: BTreeMap<String, KeeperHandle>,
    pub(super) roles: BTreeMap<String, Role>,
    /// Services that can be told to break themselves.
    pub(super) levers: Levers,
    pub(super) tasks: JoinSet<()>,
    pub(super) events: EventSink,
    pub(super) without: Vec<String>,
}

/// Something that a fault can hit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    pub name: String,
    /// `None` for a service.
    pub engine: Option<EngineKind>,
}

/// What becomes of the data of an instance that is taken down.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Data {
    /// The instance is there, stopped; `start` brings it up again.
    KeepStopped,
    /// The instance is gone and its data is kept for the next `up`.
    Keep,
    /// Nothing is left.
    Delete,
}

/// Why an instance did not do what it was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InstanceError {
    #[error("`{name}` is no process of {system}{}", suggest(suggestion.as_deref()))]
    UnknownProcess { name: String, system: String, suggestion: Option<String> },
    #[error("`{name}` runs elsewhere; the lab neither starts nor stops it")]
    External { name: String },
    #[error("`{name}` is no service with a port")]
    NoEndpoint { name: String },
    #[error("{0}")]
    Unit(Arc<UnitError>),
    #[error("metrics of `{name}`: {source}")]
    Scrape { name: String, source: ScrapeError },
    #[error("`{name}` is asked in vain: {source}")]
    Ask { name: String, source: HttpError },
    #[error(transparent)]
    Folder(#[from] FolderError),
}

fn suggest(suggestion: Option<&str>) -> String {
    suggestion.map_or_else(String::new, |word| format!("; did you mean `{word}`?"))
}

impl Instance {
    pub(super) fn new(parts: InstanceParts) -> Self {
        Self { parts, stages: Vec::new(), faults: Mutex::default(), is_down: false }
    }

    pub(super) fn with_stages(mut self, stages: Vec<Stage>) -> Self {
        self.stages = stages;
        self
    }

    pub fn name(&self) -> &str {
        self.parts.folder.name()
    }

    pub fn system(&self) -> &Arc<System> {
        &self.parts.system
    }

    /// Tactics that are switched off.
    pub fn without(&self) -> &[String] {
        &self.parts.without
    }

    pub fn folder(&self) -> &InstanceFolder {
        &self.parts.folder
    }

    /// How long each part of the provisioning took.
    pub fn stages(&self) -> &[Stage] {
        &self.stages
    }

    pub fn events(&self) -> &EventSink {
        &self.parts.events
    }

    /// Everything that a fault can hit.
    pub fn targets(&self) -> Vec<Target> {
        let target = |name: &String| Target {
            name: name.clone(),
            engine: self.parts.system.engine_kind(name),
        };
        self.parts.keepers.keys().map(target).collect()
    }

    /// Where a service takes requests.
    pub fn endpoint(&self, service: &str) -> Option<SocketAddr> {
        self.parts.system.services.get(service)?;
        let port = self.parts.addresses.get(service)?.port;
        Some((self.parts.hosts.address(service), port).into())
    }

    /// The URL of an engine or a service, as `{name.url}` has it.
    pub fn url(&self, name: &str) -> Option<&str> {
        self.parts.addresses.get(name).map(|address| address.url.as_str())
    }

    /// The URL of an engine with every right.
    pub fn admin_url(&self, engine: &str) -> Option<&str> {
        self.parts.addresses.get(engine)?.admin_url.as_deref()
    }

    /// The pid of a process, while it runs.
    pub fn pid(&self, name: &str) -> Option<u32> {
        self.parts.keepers.get(name)?.status.borrow().pid()
    }

    pub fn log(&self, name: &str) -> PathBuf {
        self.parts.folder.log(name)
    }

    /// Every process as it is now, in the order in which they start.
    pub fn processes(&self) -> Vec<ProcessSnapshot> {
        let names = &self.parts.system.start_order;
        names.iter().filter_map(|name| self.snapshot(name)).collect()
    }

    fn snapshot(&self, name: &str) -> Option<ProcessSnapshot> {
        let parts = &self.parts;
        let role = parts.roles.get(name)?.clone();
        let engine = parts.system.engine_kind(name);
        let kind = engine.map_or_else(|| "service".to_owned(), |kind| kind.to_string());
        let port = parts.addresses.get(name).map(|address| address.port);
        let host = parts.hosts.of(name).map(|host| host.address());
        let status = parts.keepers.get(name).map(|keeper| keeper.status.borrow().clone());
        let Some(status) = status else {
            return Some(ProcessSnapshot {
                name: name.to_owned(),
                kind,
                role,
                state: ProcessState::External,
                fault: None,
                pid: None,
                host,
                port,
                uptime: None,
                restarts: 0,
                rss_bytes: None,
                ready_in: None,
            });
        };
        Some(ProcessSnapshot {
            name: name.to_owned(),
            kind,
            role,
            state: status.state,
            fault: status
                .fault
                .or(self.is_isolated(name).then_some(FaultKind::Isolate))
                .or_else(|| self.own_fault(name)),
            pid: status.pid(),
            host,
            port,
            uptime: status.started.map(|started| started.elapsed()),
            restarts: status.restarts,
            rss_bytes: status.child.as_ref().and_then(memory_bytes),
            ready_in: status.ready_in,
        })
    }

    /// Reads `GET /metrics` of a service.
    ///
    /// # Errors
    /// When it has no port, does not answer, or answers something else than 200.
    pub async fn scrape(&self, service: &str) -> Result<Metrics, InstanceError> {
        let name = service.to_owned();
        let Some(address) = self.endpoint(service) else {
            return Err(InstanceError::NoEndpoint { name });
        };
        Metrics::scrape(address).await.map_err(|source| InstanceError::Scrape { name, source })
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        if self.is_down {
            return;
        }
        // Keepers first, or they would start again what ends here.
        self.parts.tasks.abort_all();
        // The folder stays for its logs; the next sweep deletes an ephemeral one.
        reap(&self.parts.registry.records());
    }
}
