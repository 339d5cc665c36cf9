//! `slicer`: data comes in small pieces.

use serde::{Deserialize, Serialize};

/// Cuts chunks into pieces.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Slicer {
    /// Bytes.
    pub average_size: i64,
    /// Bytes more or less; smaller than the average.
    pub size_variation: i64,
    /// Microseconds between pieces.
    pub delay: i64,
}
