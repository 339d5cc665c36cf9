//! `reset_peer`: the connection is reset, as by a peer that has forgotten it.

use serde::{Deserialize, Serialize};

/// Answers the first data with a reset (RST).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ResetPeer {
    /// Milliseconds from the first data on.
    pub timeout: i64,
}
