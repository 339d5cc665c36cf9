//! When a toxic is active, counted from when it was added.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// A window, once or again and again. Times are in milliseconds, as everywhere in this API.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Schedule {
    /// From when on it is active.
    #[serde(default)]
    pub after_ms: u64,
    /// For how long; absent: from then on for good.
    pub for_ms: Option<u64>,
    /// How often the window comes again, from start to start; absent: once.
    pub every_ms: Option<u64>,
}

/// Whether it is active, and how long that stays so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Activity {
    pub is_active: bool,
    /// Until the next change; `None` when there is none.
    pub changes_in: Option<Duration>,
}
