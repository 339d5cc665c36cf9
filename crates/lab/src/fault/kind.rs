//! The faults that the lab knows, and what each can be done to.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::spec::EngineKind;

/// What is done to a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
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
}

impl FaultKind {
    pub const ALL: [Self; 5] = [Self::Stop, Self::Kill, Self::Pause, Self::Flush, Self::Restart];

    /// Why it cannot be done to an engine of this kind, or to a service when there is none.
    pub fn objection(self, engine: Option<EngineKind>) -> Option<String> {
        match (self, engine) {
            (Self::Flush, Some(EngineKind::Valkey)) => None,
            (Self::Flush, Some(EngineKind::Postgres)) => {
                Some("only a cache can be flushed, and postgres is none".to_owned())
            }
            (Self::Flush, None) => {
                Some("only a cache can be flushed, and a service is none".to_owned())
            }
            (Self::Stop | Self::Kill | Self::Pause | Self::Restart, _) => None,
        }
    }

    /// Whether it lasts until it is healed when it is given no length.
    pub fn lasts(self) -> bool {
        match self {
            Self::Stop | Self::Pause => true,
            Self::Kill | Self::Flush | Self::Restart => false,
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
        })
    }
}

/// A fault and whom it hits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    pub kind: FaultKind,
    /// An engine or a service of the system.
    pub target: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {}", self.kind, self.target)
    }
}
