//! `down`: one direction is cut, as by a cable that is pulled or a one-way partition.

use serde::{Deserialize, Serialize};

/// Holds all that comes, the end as well, until it is taken away.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Down {}
