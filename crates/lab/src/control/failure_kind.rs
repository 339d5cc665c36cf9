//! What kind of failure a supervisor answers with: scripts decide by it, through the exit code.

use serde::{Deserialize, Serialize};

use crate::fault::FaultError;
use crate::instance::{InstanceError, UnitError};

/// Why a supervisor did not do what it was asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FailureKind {
    /// What was asked for is impossible; asking again does not help.
    // What supervisors of earlier versions, which say no kind, were taken to mean.
    #[default]
    Mistake,
    /// Something does not come up, or cannot be reached.
    Unavailable,
    /// A fault is not in effect.
    NoEffect,
    /// A fault is over, and its target is not what it was before.
    NotRestored,
}

impl From<&InstanceError> for FailureKind {
    fn from(error: &InstanceError) -> Self {
        match error {
            InstanceError::UnknownProcess { .. }
            | InstanceError::External { .. }
            | InstanceError::NoEndpoint { .. } => Self::Mistake,
            InstanceError::Unit(error) if is_mistake(error) => Self::Mistake,
            InstanceError::Unit(_)
            | InstanceError::Scrape { .. }
            | InstanceError::Ask { .. }
            | InstanceError::Folder(_) => Self::Unavailable,
        }
    }
}

impl From<&FaultError> for FailureKind {
    fn from(error: &FaultError) -> Self {
        match error {
            FaultError::UnknownTarget { .. }
            | FaultError::Impossible { .. }
            | FaultError::AlreadyHeld { .. }
            | FaultError::Objection(_)
            | FaultError::NotRouted { .. }
            | FaultError::NoHost { .. } => Self::Mistake,
            FaultError::Failed { source, .. } if is_mistake(source) => Self::Mistake,
            FaultError::NoEffect { .. }
            | FaultError::Failed { .. }
            | FaultError::Link { .. }
            | FaultError::Host { .. }
            | FaultError::Untold { .. }
            | FaultError::NeverCame { .. } => Self::NoEffect,
            FaultError::NotRestored { .. } => Self::NotRestored,
            FaultError::InstanceGone { .. } => Self::Unavailable,
        }
    }
}

/// Whether a process was asked for what it never does.
fn is_mistake(error: &UnitError) -> bool {
    matches!(
        error,
        UnitError::NothingToFlush { .. }
            | UnitError::NoDisk { .. }
            | UnitError::NotToWipe { .. }
            | UnitError::Held { .. }
    )
}
