//! `http_status`: an HTTP exchange answers with this status instead.

use serde::{Deserialize, Serialize};

/// Replaces answers.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct HttpStatus {
    /// The status of the answer.
    pub status: u16,
    /// The share of requests, 0 to 1.
    pub probability: f64,
}
