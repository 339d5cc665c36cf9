//! `timeout`: what comes is dropped, and the connection closed after a while.

use serde::{Deserialize, Serialize};

/// Drops all and closes then; taking it away closes as well.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Timeout {
    /// Milliseconds; 0 never closes.
    pub timeout: i64,
}
