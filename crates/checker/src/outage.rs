//! The longest time in which nobody got a good answer.

use standfast_history::{Operation, Outcome};

use crate::window::Window;

/// Longest span inside `window` in which no operation *completed* with success, its ends included.
/// By completion, not by intended time: requests that a frozen system answers late were still a
/// silence for everyone who waited. Absent when no operation was intended in the window.
pub fn longest_gap<'a>(
    operations: impl IntoIterator<Item = &'a Operation>,
    window: Window,
) -> Option<u64> {
    let mut successes_us = Vec::new();
    let mut any_intended = false;
    for operation in operations {
        any_intended |= window.contains(operation.intended_us);
        if operation.outcome == Outcome::Ok && window.contains(operation.done_us) {
            successes_us.push(operation.done_us);
        }
    }
    if !any_intended {
        return None;
    }
    successes_us.sort_unstable();
    let starts = std::iter::once(window.from_us).chain(successes_us.iter().copied());
    let ends = successes_us.iter().copied().chain(std::iter::once(window.to_us));
    starts.zip(ends).map(|(start, end)| end - start).max()
}
