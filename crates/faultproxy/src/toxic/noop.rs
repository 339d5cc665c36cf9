//! `noop`: nothing at all; it shows that a toxic is there.

use serde::{Deserialize, Serialize};

/// Changes nothing.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Noop {}
