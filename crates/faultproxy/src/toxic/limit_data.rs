//! `limit_data`: the connection closes after so many bytes.

use serde::{Deserialize, Serialize};

/// Closes when the limit is reached.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct LimitData {
    /// Counted from the connection's first byte under this toxic.
    pub bytes: i64,
}
