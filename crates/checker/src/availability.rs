//! Successful out of intended operations.

use serde::{Deserialize, Serialize};
use standfast_history::{Operation, Outcome};

use crate::proportion::Proportion;

/// What became of the operations that the schedule intended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Availability {
    pub ok: u64,
    pub fail: u64,
    /// Writes without an answer: no success, though not known to have failed.
    pub info: u64,
}

impl Availability {
    pub fn of<'a>(operations: impl IntoIterator<Item = &'a Operation>) -> Self {
        let mut counts = Self::default();
        for operation in operations {
            match operation.outcome {
                Outcome::Ok => counts.ok += 1,
                Outcome::Fail => counts.fail += 1,
                Outcome::Info => counts.info += 1,
            }
        }
        counts
    }

    pub fn intended(self) -> u64 {
        self.ok + self.fail + self.info
    }

    /// Successful ÷ intended: an attempt that was never sent counts against the system as well.
    pub fn proportion(self) -> Proportion {
        Proportion { hits: self.ok, total: self.intended() }
    }
}
