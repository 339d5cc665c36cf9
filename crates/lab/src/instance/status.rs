//! What is known about one process, for `ps`, for reports and for those who wait for it.

use std::fmt;
use std::net::Ipv4Addr;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use standfast_engines::process::Child;
use tokio::time::Instant;

use crate::fault::FaultKind;
use crate::spec::{EngineDeclaration, EngineKind};

/// The kernel counts memory in pages; 4 KiB is what all our targets have.
const PAGE_BYTES: u64 = 4096;

/// How a process is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProcessState {
    /// It runs and is not ready yet.
    Starting,
    Ready,
    /// It is frozen by a fault.
    Paused,
    /// It was stopped, by somebody or by a fault.
    Stopped,
    /// It was ended for good, and only whoever decides on its role brings it back.
    Fenced,
    /// It ended by itself and will be started again.
    Restarting,
    /// It ended too often, or is not to be started again.
    Failed,
    /// It runs elsewhere, and the lab only knows its address.
    External,
}

impl fmt::Display for ProcessState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Starting => "starting",
            Self::Ready => "ready",
            Self::Paused => "paused",
            Self::Stopped => "stopped",
            Self::Fenced => "fenced",
            Self::Restarting => "restarting",
            Self::Failed => "failed",
            Self::External => "external",
        })
    }
}

/// What a process is in its system.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    Primary,
    Replica,
    /// Primary or replica, as a service decides.
    Member,
    Cache,
    Broker,
    Consensus,
    Proxy,
    Service,
}

impl Role {
    pub(crate) fn of_engine(engine: &EngineDeclaration) -> Self {
        match engine.kind {
            EngineKind::Postgres | EngineKind::Mariadb | EngineKind::Mysql => match engine {
                EngineDeclaration { managed_by: Some(_), .. } => Self::Member,
                EngineDeclaration { replica_of: Some(_), .. } => Self::Replica,
                EngineDeclaration { .. } => Self::Primary,
            },
            EngineKind::Valkey => Self::Cache,
            EngineKind::Kafka => Self::Broker,
            EngineKind::Etcd => Self::Consensus,
            EngineKind::Haproxy | EngineKind::Nginx => Self::Proxy,
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Primary => "primary",
            Self::Replica => "replica",
            Self::Member => "member",
            Self::Cache => "cache",
            Self::Broker => "broker",
            Self::Consensus => "consensus",
            Self::Proxy => "proxy",
            Self::Service => "service",
        })
    }
}

/// One process as it is now.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ProcessSnapshot {
    pub name: String,
    /// `postgres`, `valkey` or `service`.
    pub kind: String,
    pub role: Role,
    pub state: ProcessState,
    pub fault: Option<FaultKind>,
    pub pid: Option<u32>,
    /// The address of its host, when it has one of its own.
    #[serde(default)]
    pub host: Option<Ipv4Addr>,
    pub port: Option<u16>,
    pub uptime: Option<Duration>,
    pub restarts: u32,
    /// Memory of the process and all that it started; what they share counts for each.
    pub rss_bytes: Option<u64>,
    /// How long the last start took.
    pub ready_in: Option<Duration>,
}

/// The same as the keeper of the process tells it.
#[derive(Clone, Debug)]
pub(crate) struct Status {
    pub(crate) state: ProcessState,
    pub(crate) fault: Option<FaultKind>,
    pub(crate) child: Option<Child>,
    pub(crate) started: Option<Instant>,
    pub(crate) restarts: u32,
    pub(crate) ready_in: Option<Duration>,
}

impl Status {
    pub(crate) fn new(state: ProcessState) -> Self {
        Self { state, fault: None, child: None, started: None, restarts: 0, ready_in: None }
    }

    pub(crate) fn pid(&self) -> Option<u32> {
        self.child.as_ref().filter(|child| child.is_running()).map(Child::pid)
    }
}

/// Memory of a process and its descendants.
pub(crate) fn memory_bytes(child: &Child) -> Option<u64> {
    if !child.is_running() {
        return None;
    }
    let descendants = child.descendants().into_iter().map(|id| id.pid);
    let pages = descendants.chain([child.pid()]).filter_map(resident_pages);
    Some(pages.sum::<u64>() * PAGE_BYTES)
}

fn resident_pages(pid: u32) -> Option<u64> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/statm")).ok()?;
    text.split_ascii_whitespace().nth(1)?.parse().ok()
}
