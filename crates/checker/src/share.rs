//! Which source the successes came from, and which status the answers had.

use std::ops::RangeInclusive;

use standfast_history::{Operation, Outcome};

use crate::latency::has_answer;
use crate::proportion::Proportion;

/// Share of the successes that `source` gave (`X-Source`). A success that does not say where it
/// came from counts as another source.
pub fn share_of_source<'a>(
    operations: impl IntoIterator<Item = &'a Operation>,
    source: &str,
) -> Proportion {
    let successes = operations.into_iter().filter(|operation| operation.outcome == Outcome::Ok);
    Proportion::of(successes.map(|operation| operation.source.as_deref() == Some(source)))
}

/// Share of all attempts that were answered with one of `statuses`. An attempt without an answer
/// counts as another status: a system that hangs does not answer 503.
pub fn share_of_status<'a>(
    operations: impl IntoIterator<Item = &'a Operation>,
    statuses: RangeInclusive<u16>,
) -> Proportion {
    Proportion::of(
        operations
            .into_iter()
            .map(|operation| has_answer(operation) && statuses.contains(&operation.status)),
    )
}
