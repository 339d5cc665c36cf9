//! What a toxic works on: the queue before it, the queue after it, the time, and chance.

use tokio::time::Instant;

use crate::link::{Draw, End, Queue, Tally};

/// One look of one toxic at one direction of one connection.
#[derive(Debug)]
pub(crate) struct Pipe<'a> {
    pub(crate) now: Instant,
    pub(crate) input: &'a mut Queue,
    pub(crate) output: &'a mut Queue,
    pub(crate) draw: &'a mut Draw,
    /// What this toxic did, over all connections.
    pub(crate) tally: &'a Tally,
}

impl Pipe<'_> {
    /// Lets through all that waits, and the end.
    pub(crate) fn pass_all(&mut self) {
        self.output.append(self.input);
    }

    /// Lets the end through, if there is nothing before it any more.
    pub(crate) fn pass_end(&mut self) {
        if self.input.is_empty()
            && let Some(end) = self.input.take_end()
        {
            self.output.end(end);
        }
    }

    /// Nothing comes after this; what waits is dropped.
    pub(crate) fn close(&mut self, end: End) {
        self.tally.dropped(self.input.discard());
        self.output.end(end);
    }
}
