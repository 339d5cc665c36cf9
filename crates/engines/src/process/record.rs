//! What is written down about children, so that a later start can end those that were left behind.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::identity::ProcessId;
use super::{Child, tree};

/// How long one leftover may take to die.
const REAP_PATIENCE: Duration = Duration::from_secs(5);

/// A child on paper.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProcessRecord {
    pub name: String,
    #[serde(flatten)]
    pub id: ProcessId,
    /// Its process group; a child of ours leads one of its own.
    pub pgid: u32,
}

impl From<&Child> for ProcessRecord {
    fn from(child: &Child) -> Self {
        Self { name: child.name().to_owned(), id: child.id(), pgid: child.pid() }
    }
}

/// Kills those of `records` that still run, with all that they started, and returns them. A process
/// that has only got the same number is not touched.
pub fn reap(records: &[ProcessRecord]) -> Vec<ProcessRecord> {
    let running: Vec<_> = records.iter().filter(|record| record.id.is_alive()).cloned().collect();
    for record in &running {
        if let Err(left) = tree::kill(record.id, &[], REAP_PATIENCE) {
            tracing::warn!(name = record.name, ?left, "not gone after SIGKILL");
        }
    }
    running
}
