//! The checker against figures worked out by hand, and against slower ways to the same answer.

mod agreement;
mod consistency;
mod crowding;
mod figures;
mod ledger;
mod recovery;
mod staleness;
mod stall;

use standfast_history::{Operation, Outcome};

/// A read that was sent on time.
pub(crate) fn read(intended_us: u64, latency_us: u64, outcome: Outcome) -> Operation {
    Operation {
        index: intended_us,
        scenario: "search".to_owned(),
        intended_us,
        woken_us: None,
        sent_us: Some(intended_us),
        done_us: intended_us + latency_us,
        outcome,
        status: if outcome == Outcome::Ok { 200 } else { 503 },
        error: None,
        source: None,
        stale: false,
        age_ms: None,
        id: None,
        key: None,
        version: None,
        value: None,
        write: false,
    }
}
