//! `http_slow_header`: the head of an HTTP message comes byte by byte.

use serde::{Deserialize, Serialize};

/// Slows heads down, not bodies.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct HttpSlowHeader {
    /// Milliseconds between pieces.
    pub delay: i64,
    /// Bytes per piece.
    pub bytes: i64,
}
