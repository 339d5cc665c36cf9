//! Why a call failed: which call, and what the server said.

use std::time::Duration;

/// Why a call failed.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The server refused it.
    #[error("{call}: {text} ({status})")]
    Refused { call: String, status: u16, text: String },
    /// There was no answer.
    #[error("{call}: no answer")]
    Unreachable {
        call: String,
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    #[error("{call}: no answer within {within:?}")]
    TooSlow { call: String, within: Duration },
    /// The answer is of another kind than this client expects.
    #[error("{call}: the answer cannot be read: {reason}")]
    Unexpected { call: String, reason: String },
}

impl ClientError {
    /// The status with which the server refused the call.
    pub fn status(&self) -> Option<u16> {
        match self {
            Self::Refused { status, .. } => Some(*status),
            Self::Unreachable { .. } | Self::TooSlow { .. } | Self::Unexpected { .. } => None,
        }
    }
}
