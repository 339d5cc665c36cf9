//! Names that the answers of one scenario gave, for the requests of another one.
//!
//! A client can only cancel an order that it was told of. So the ids that a scenario observes are
//! handed on, each of them once and in the order in which they came. This is the one value that
//! depends on what the server did; everything else of a request is known before the load begins.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

/// Stands in while nothing was answered yet. No system knows it.
pub(crate) const NOTHING_YET: &str = "00000000-0000-0000-0000-000000000000";

/// Whoever asks for fewer than are answered gets the newest of them.
const WAITING_MAX: usize = 100_000;

/// Ids that wait for somebody who needs them. Clones share them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Answered(Arc<Mutex<VecDeque<String>>>);

impl Answered {
    /// Hands `id` on. One that could break the line of a header is no name of anything.
    pub(crate) fn offer(&self, id: &str) {
        if id.contains(char::is_control) {
            return;
        }
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting.len() == WAITING_MAX {
            waiting.pop_front();
        }
        waiting.push_back(id.to_owned());
    }

    pub(crate) fn take(&self) -> Option<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).pop_front()
    }
}
