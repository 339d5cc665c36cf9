//! `slow_close`: the end of the stream comes late.

use serde::{Deserialize, Serialize};

/// Delays only the end.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct SlowClose {
    /// Milliseconds.
    pub delay: i64,
}
