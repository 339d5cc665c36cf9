//! What is asked of a supervisor, and what it answers.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::failure_kind::FailureKind;
use crate::fault::{Fault, FaultKind};
use crate::instance::{Data, ProcessSnapshot, Stage};
use crate::spec::Edge;

/// Requests are short; whoever sends more than this in one line is no client of ours.
pub(super) const LINE_BYTES_MAX: u64 = 1 << 20;

/// One request, as one line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "request", rename_all = "snake_case", deny_unknown_fields)]
pub enum Request {
    Status,
    /// One process, or all that are stopped.
    Start {
        name: Option<String>,
    },
    /// One process; all of them is [`Request::Shutdown`].
    Stop {
        name: String,
    },
    /// One process, or all of them.
    Restart {
        name: Option<String>,
    },
    InjectFault {
        fault: Fault,
        /// Healed by itself after that time.
        for_ms: Option<u64>,
        /// Whether a process that it ends stays away until it is cleared, also without a time.
        #[serde(default)]
        is_held: bool,
    },
    /// Heals the faults of one target, or all.
    ClearFaults {
        target: Option<String>,
    },
    FaultStatus,
    /// Ends every process and the supervisor; answered when they have ended.
    Shutdown {
        data: Data,
    },
}

/// One answer, as one line.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "response", rename_all = "snake_case")]
pub enum Response {
    Status(InstanceStatus),
    Done {
        /// What was seen, of a fault that is in effect.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        evidence: Option<String>,
    },
    Faults {
        faults: Vec<ActiveFault>,
    },
    Failed {
        #[serde(default)]
        kind: FailureKind,
        error: String,
    },
}

impl Response {
    pub(super) fn done() -> Self {
        Self::Done { evidence: None }
    }

    pub(super) fn failed<E: ToString>(error: &E) -> Self
    where
        FailureKind: for<'e> From<&'e E>,
    {
        Self::Failed { kind: FailureKind::from(error), error: error.to_string() }
    }

    pub(super) fn mistake(error: impl Into<String>) -> Self {
        Self::Failed { kind: FailureKind::Mistake, error: error.into() }
    }
}

/// An instance as it is now.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct InstanceStatus {
    pub name: String,
    pub system: String,
    /// The pid of its supervisor; `None` when it is stopped.
    pub supervisor: Option<u32>,
    pub without: Vec<String>,
    pub processes: Vec<ProcessSnapshot>,
    /// Where services take requests.
    pub urls: BTreeMap<String, String>,
    /// How long each part of coming up took.
    pub stages: Vec<Stage>,
    /// Links that lead through the fault proxy, so that they can be broken.
    #[serde(default)]
    pub links: Vec<LinkStatus>,
}

/// A link as it is now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinkStatus {
    pub edge: Edge,
    /// Where the connecting side finds the other one.
    pub port: u16,
    pub connections: u64,
    /// The network faults that it is under.
    pub faults: Vec<FaultKind>,
}

/// A fault that is in effect.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActiveFault {
    #[serde(flatten)]
    pub fault: Fault,
    /// When it is healed by itself.
    pub heals_in_ms: Option<u64>,
}
