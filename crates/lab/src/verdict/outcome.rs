//! The three-valued verdict, and how a run ended as an exit code.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What a run says about a claim or a hypothesis.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    Holds,
    /// The run proves nothing. Never a pass.
    Unknown,
    Refuted,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Holds => "holds",
            Self::Unknown => "unknown",
            Self::Refuted => "refuted",
        })
    }
}

/// How a run ended. The order is precedence: of several runs the last one in this order counts.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    Holds,
    /// Baseline not met, fault without effect, load not delivered, control arm no worse.
    Unknown,
    Refuted,
    /// An engine or a port is missing, or the system did not come up.
    Environment,
    /// A fault could not be healed: the system is not what it was.
    NotRestored,
    /// Stopped by the user, and cleaned up.
    Interrupted,
    /// Bad arguments or a bad file; nothing was started.
    Usage,
    /// standfast itself failed.
    Bug,
}

impl Outcome {
    /// The documented exit code.
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Holds => 0,
            Self::Refuted => 1,
            Self::Usage => 2,
            Self::Environment => 3,
            Self::Unknown => 4,
            Self::NotRestored => 5,
            Self::Bug => 70,
            Self::Interrupted => 130,
        }
    }

    /// Whether the run proved something, in either direction.
    pub fn is_conclusive(self) -> bool {
        matches!(self, Self::Holds | Self::Refuted)
    }

    /// What counts for several runs together. Nothing run proves nothing.
    pub fn of_several(outcomes: impl IntoIterator<Item = Self>) -> Self {
        outcomes.into_iter().max().unwrap_or(Self::Unknown)
    }
}

impl From<Verdict> for Outcome {
    fn from(verdict: Verdict) -> Self {
        match verdict {
            Verdict::Holds => Self::Holds,
            Verdict::Unknown => Self::Unknown,
            Verdict::Refuted => Self::Refuted,
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Holds => "holds",
            Self::Unknown => "unknown",
            Self::Refuted => "refuted",
            Self::Environment => "system did not come up",
            Self::NotRestored => "system not restored",
            Self::Interrupted => "interrupted",
            Self::Usage => "bad arguments",
            Self::Bug => "internal error",
        })
    }
}
