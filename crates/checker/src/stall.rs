//! When the machine stood still, and which operations that explains.
//!
//! A host may take the processor away from everything at once, from the system as from its clients.
//! The generator sleeps at real-time priority, so that an alarm which it oversleeps is such a stall
//! and nothing that the system did (`Operation::woken_us`). An operation that a stall fills says
//! little about the system; a long one that a stall merely brushes says as much as before. Were
//! every touch enough, the longest waits, which meet the most stalls, would be excused first.

use standfast_history::Operation;

use crate::window::{Window, Windows};

/// A stall begins before the first send that it delays, and what piled up is worked off after it.
pub const STALL_MARGIN_US: u64 = 2_000;

/// A stall explains an operation when it fills one part in this many of it: more than a busy host
/// takes of any long time (an eighth at the worst that was seen, and the margins), and less than
/// what it takes of a short operation that it hits.
const PARTS: u64 = 3;

/// The stalls of one trial, with their margins.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stalls(Windows);

impl Stalls {
    /// What all `operations` of a trial tell of the machine, whatever scenario they belong to.
    pub fn of<'a>(operations: impl IntoIterator<Item = &'a Operation>) -> Self {
        let stall = |operation: &Operation| {
            operation.woken_us.map(|woken_us| Window {
                from_us: operation.intended_us.saturating_sub(STALL_MARGIN_US),
                to_us: woken_us.saturating_add(STALL_MARGIN_US),
            })
        };
        Self(Windows::union(operations.into_iter().filter_map(stall)))
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether a stall explains how the operation went.
    pub fn disturb(&self, operation: &Operation) -> bool {
        explained(&self.0, operation)
    }
}

/// Whether what the machine did in `windows` fills enough of the operation.
pub(crate) fn explained(windows: &Windows, operation: &Operation) -> bool {
    let from_us = operation.intended_us;
    // What failed at once lasted for a moment nevertheless.
    let span = Window { from_us, to_us: operation.done_us.max(from_us + 1) };
    let covered_us = windows.covered_us(span);
    covered_us > 0 && covered_us.saturating_mul(PARTS) >= span.length_us()
}
