//! `bandwidth`: at most so many bytes per second.

use serde::{Deserialize, Serialize};

/// Limits the rate.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Bandwidth {
    /// Kilobytes (1000 bytes) per second; 0 lets nothing through.
    pub rate: i64,
}
