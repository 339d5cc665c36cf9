//! The faults that the lab knows, and what each can be done to.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::parameters::Sides;
use super::probability::Probability;
use crate::spec::{DataRate, EngineKind, Length, System};

/// What is done to a process, or to the links between processes.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum FaultKind {
    /// Shut down in an orderly way, and kept down.
    Stop,
    /// `SIGKILL` to the whole process tree. Without a length the supervisor brings it back.
    Kill,
    /// `SIGSTOP` to the whole process tree: connections stay open and nobody answers.
    Pause,
    /// Emptied: a cache that lost what it held.
    Flush,
    /// Shut down in an orderly way and started again.
    Restart,
    /// A link on which all that is sent comes later.
    Latency,
    /// A link on which nothing comes any more: silence, and no connection is closed.
    Cut,
    /// Processes on two sides that cannot reach each other: every link between them is cut.
    Partition,
    /// A link that carries only so much.
    Bandwidth,
    /// A link whose connections are reset. Without a length only those that are open.
    Reset,
    /// A host that is cut off from everybody: silence for all that runs on it, and for all others.
    Isolate,
    /// Killed, its data folder emptied, and started again: it begins from nothing.
    Wipe,
    /// A database that its watchdog keeps down, started behind its back with the usual command.
    StartByHand,
    /// A server that has no room on its disk: it can write into no file.
    DiskFull,
    /// A service whose answers come later, on whatever connection.
    Slow,
    /// A service that fails requests by chance.
    Intermittent,
    /// A service that answers with another stock, or another amount, than is right.
    Incorrect,
    /// A service that says something else, under a signature that is not its own.
    Forge,
    /// A service that tells one who asks something else than it tells another.
    Equivocate,
    /// A service that answers with what it signed for an earlier question.
    Replay,
    /// A service that takes requests and never answers.
    Silent,
}

impl FaultKind {
    pub const ALL: [Self; 21] = [
        Self::Stop,
        Self::Kill,
        Self::Pause,
        Self::Flush,
        Self::Restart,
        Self::Latency,
        Self::Cut,
        Self::Partition,
        Self::Bandwidth,
        Self::Reset,
        Self::Isolate,
        Self::Wipe,
        Self::StartByHand,
        Self::DiskFull,
        Self::Slow,
        Self::Intermittent,
        Self::Incorrect,
        Self::Forge,
        Self::Equivocate,
        Self::Replay,
        Self::Silent,
    ];

    /// Why it cannot be done to an engine of this kind, or to a service when there is none.
    pub fn objection(self, engine: Option<EngineKind>) -> Option<String> {
        match (self, engine) {
            (Self::Flush, Some(EngineKind::Valkey)) => None,
            (Self::Flush, Some(engine)) => {
                Some(format!("only a cache can be flushed, and {engine} is none"))
            }
            (Self::Flush, None) => {
                Some("only a cache can be flushed, and a service is none".to_owned())
            }
            (Self::Stop | Self::Kill | Self::Pause | Self::Restart | Self::Isolate, _) => None,
            (Self::DiskFull, Some(EngineKind::Postgres)) => None,
            (Self::DiskFull, Some(engine)) => Some(format!(
                "what {engine} does with a full disk was not tried; a postgres can be"
            )),
            (Self::DiskFull, None) => {
                Some("a full disk is done to a database, and a service is none".to_owned())
            }
            (Self::StartByHand, Some(engine)) if engine.is_sql() => None,
            (Self::StartByHand, _) => {
                Some("only a database can be started behind a watchdog's back".to_owned())
            }
            (Self::Latency | Self::Cut | Self::Partition | Self::Bandwidth | Self::Reset, _) => {
                None
            }
            (Self::Wipe | Self::Slow | Self::Intermittent | Self::Incorrect, None) => None,
            (Self::Forge | Self::Equivocate | Self::Replay | Self::Silent, None) => None,
            (Self::Wipe | Self::Slow | Self::Intermittent | Self::Incorrect, Some(engine))
            | (Self::Forge | Self::Equivocate | Self::Replay | Self::Silent, Some(engine)) => {
                Some(format!("that is done to services, and {engine} is none"))
            }
        }
    }

    /// Whether it lasts until it is healed when it is given no length.
    pub fn lasts(self) -> bool {
        match self {
            Self::Stop | Self::Pause | Self::Isolate | Self::DiskFull => true,
            Self::Latency | Self::Cut | Self::Partition | Self::Bandwidth => true,
            Self::Slow | Self::Intermittent | Self::Incorrect => true,
            Self::Forge | Self::Equivocate | Self::Replay | Self::Silent => true,
            Self::Kill | Self::Flush | Self::Restart | Self::Reset | Self::Wipe => false,
            Self::StartByHand => false,
        }
    }

    /// Whether it is over as soon as it is in effect when it is given no length: nothing is healed
    /// then, by nobody.
    pub fn is_momentary(self) -> bool {
        matches!(self, Self::Flush | Self::Reset)
    }

    /// Whether it is done to links, and not to a process.
    pub fn is_of_network(self) -> bool {
        match self {
            Self::Stop | Self::Kill | Self::Pause | Self::Flush | Self::Restart => false,
            Self::StartByHand => false,
            // Links are not what it is done to: there may be others than those that we know.
            Self::Isolate => false,
            Self::DiskFull => false,
            Self::Wipe | Self::Slow | Self::Intermittent | Self::Incorrect => false,
            Self::Forge | Self::Equivocate | Self::Replay | Self::Silent => false,
            Self::Latency | Self::Cut | Self::Partition | Self::Bandwidth | Self::Reset => true,
        }
    }

    /// Whether the keeper of a process does it, and not its host or the service itself.
    pub fn is_of_process(self) -> bool {
        !self.is_of_network() && !self.is_of_application() && self != Self::Isolate
    }

    /// Whether the service does it to itself, when the lab tells it to.
    pub fn is_of_application(self) -> bool {
        match self {
            Self::Slow | Self::Intermittent | Self::Incorrect => true,
            Self::Forge | Self::Equivocate | Self::Replay | Self::Silent => true,
            Self::Stop | Self::Kill | Self::Pause | Self::Flush | Self::Restart => false,
            Self::Latency | Self::Cut | Self::Partition | Self::Bandwidth | Self::Reset => false,
            Self::Isolate | Self::Wipe | Self::StartByHand | Self::DiskFull => false,
        }
    }
}

impl fmt::Display for FaultKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Stop => "stop",
            Self::Kill => "kill",
            Self::Pause => "pause",
            Self::Flush => "flush",
            Self::Restart => "restart",
            Self::Latency => "latency",
            Self::Cut => "cut",
            Self::Partition => "partition",
            Self::Bandwidth => "bandwidth",
            Self::Reset => "reset",
            Self::Isolate => "isolate",
            Self::Wipe => "wipe",
            Self::DiskFull => "disk_full",
            Self::StartByHand => "start_by_hand",
            Self::Slow => "slow",
            Self::Intermittent => "intermittent",
            Self::Incorrect => "incorrect",
            Self::Forge => "forge",
            Self::Equivocate => "equivocate",
            Self::Replay => "replay",
            Self::Silent => "silent",
        })
    }
}

/// A fault and whom it hits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    pub kind: FaultKind,
    /// An engine or a service of the system. A network fault hits every edge that leads to it, or
    /// just one edge, `offers:replica`; a partition names both sides, `primary cache | offers`.
    pub target: String,
    /// Of `latency` and `slow`: how much later all comes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delay: Option<Length>,
    /// Of `latency` and `slow`: by how much the delay varies to both sides.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jitter: Option<Length>,
    /// Of `bandwidth`: what the link carries.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate: Option<DataRate>,
    /// Of `latency`, `cut` and `bandwidth`: which way; a latency hits answers, the others both.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub direction: Option<Sides>,
    /// Of `intermittent`: how likely a request fails.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub probability: Option<Probability>,
    /// Of `incorrect`: the product whose stock is another one; all of them by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub product: Option<String>,
}

impl Fault {
    /// A fault without parameters.
    pub fn new(kind: FaultKind, target: impl Into<String>) -> Self {
        let target = target.into();
        Self {
            kind,
            target,
            delay: None,
            jitter: None,
            rate: None,
            direction: None,
            probability: None,
            product: None,
        }
    }

    /// Why it cannot be done to its target, which is a process of `system`.
    pub(crate) fn objection(&self, system: &System) -> Option<String> {
        let service = system.services.get(&self.target);
        if self.kind.is_of_application() && service.is_some_and(|service| !service.faults) {
            let target = &self.target;
            return Some(format!("[service.{target}] does not say `faults = true`"));
        }
        let engine = system.engines.get(&self.target);
        if self.kind == FaultKind::StartByHand && engine.is_some_and(|it| it.managed_by.is_none()) {
            return Some("nobody keeps it down: it has no `managed_by`".to_owned());
        }
        self.kind.objection(system.engine_kind(&self.target))
    }

    /// Whether both are the same thing done to the same target, however strongly.
    pub fn is_same(&self, other: &Self) -> bool {
        (self.kind, &self.target) == (other.kind, &other.target)
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {}", self.kind, self.target)
    }
}
