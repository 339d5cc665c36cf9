//! What the lab read from a service to learn what is really there, once nothing changes any more.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Fields of one entry of a list, by the names that the experiment gives them.
pub type Row = BTreeMap<String, String>;

/// One whole reading of one service: all pages of a list, or why there is none.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FinalRead {
    /// Its name in the experiment.
    pub name: String,
    /// Who was asked.
    pub service: String,
    /// When the last page of it was there.
    pub at_us: u64,
    /// Whether it was read before the load began, and not after it had ended.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub before_load: bool,
    /// What the answer says about the whole of it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub facts: Row,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rows: Vec<Row>,
    /// Why the reading is not whole; nothing can be proven by it then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}
