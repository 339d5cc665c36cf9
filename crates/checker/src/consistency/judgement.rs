//! What a judgement says: how much was judged, what is wrong, and what could not be decided.

use std::fmt;

use serde::{Deserialize, Serialize};
use standfast_history::{Operation, Outcome};

use crate::ledger::LedgerViolation;

/// Three values: what is unknown never passes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    Holds,
    Refuted,
    Unknown,
}

/// The judgement on one history by one model.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Judgement {
    /// Operations that the verdict rests on.
    pub judged: u64,
    /// Reads that were answered and say nothing that could be judged.
    pub unjudged: u64,
    pub findings: Vec<Finding>,
    /// What was not decided, and why.
    pub undecided: Vec<String>,
}

/// One thing that is wrong, with the fewest operations that show it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// The word for its kind.
    pub kind: String,
    /// Why these operations contradict each other, to be checked by hand.
    pub text: String,
    pub operations: Vec<Seen>,
}

/// An operation, as much of it as a finding needs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seen {
    pub scenario: String,
    pub index: u64,
    pub sent_us: u64,
    pub done_us: u64,
    pub outcome: Outcome,
    /// What it did or answered.
    pub what: String,
}

/// A history does not say what the model has to know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lack(pub(crate) String);

impl Judgement {
    /// Wrong is wrong, whatever else could not be decided. A history without anything to judge
    /// proves nothing.
    pub fn verdict(&self) -> Verdict {
        match (self.findings.is_empty(), self.undecided.is_empty() && self.judged > 0) {
            (false, _) => Verdict::Refuted,
            (true, true) => Verdict::Holds,
            (true, false) => Verdict::Unknown,
        }
    }
}

impl Finding {
    pub(super) fn new(
        kind: &str,
        text: impl Into<String>,
        operations: impl IntoIterator<Item = Seen>,
    ) -> Self {
        let mut operations: Vec<Seen> = operations.into_iter().collect();
        operations.sort_by_key(|seen| (seen.sent_us, seen.done_us, seen.index));
        operations.dedup();
        Self { kind: kind.to_owned(), text: text.into(), operations }
    }
}

impl Seen {
    pub(super) fn of(operation: &Operation, what: impl Into<String>) -> Self {
        Self {
            scenario: operation.scenario.clone(),
            index: operation.index,
            sent_us: operation.sent_us.unwrap_or(operation.intended_us),
            done_us: operation.done_us,
            outcome: operation.outcome,
            what: what.into(),
        }
    }
}

impl fmt::Display for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { scenario, index, sent_us, done_us, outcome, what } = self;
        let seconds = |us: u64| format!("{}.{:06}", us / 1_000_000, us % 1_000_000);
        let (sent, done) = (seconds(*sent_us), seconds(*done_us));
        let end = match outcome {
            Outcome::Ok => "",
            Outcome::Fail => ", refused",
            Outcome::Info => ", no answer",
        };
        write!(f, "{sent} – {done} s  {scenario} #{index}: {what}{end}")
    }
}

impl fmt::Display for Lack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Lack {}

impl From<String> for Lack {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl From<&LedgerViolation> for Finding {
    fn from(violation: &LedgerViolation) -> Self {
        Self::new(violation.kind(), violation.to_string(), [])
    }
}
