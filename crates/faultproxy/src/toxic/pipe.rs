//! What a toxic works on: the queue before it, the queue after it, the time, and chance.

use bytes::Bytes;
use tokio::time::Instant;

use crate::link::{Chunk, Draw, End, Queue, Tally};

/// One look of one toxic at one direction of one connection.
#[derive(Debug)]
pub(crate) struct Pipe<'a> {
    pub(crate) now: Instant,
    pub(crate) input: &'a mut Queue,
    pub(crate) output: &'a mut Queue,
    pub(crate) draw: &'a mut Draw,
    /// What this toxic did, over all connections.
    pub(crate) tally: &'a Tally,
    /// Bytes that this toxic has let through on this connection; outlives changes of the toxic.
    pub(crate) passed_bytes: &'a mut u64,
    /// An answer to the client in the place of the server's; only in the upstream direction.
    pub(crate) reply: &'a mut Option<Bytes>,
}

impl Pipe<'_> {
    /// Lets through up to `length` bytes.
    pub(crate) fn pass(&mut self, length: usize) {
        self.move_on(length, None);
    }

    /// Lets through up to `length` bytes that were delayed until `due`. A toxic behind this one
    /// counts from there, so that delays add up however late somebody looks.
    pub(crate) fn pass_delayed(&mut self, length: usize, due: Instant) {
        self.move_on(length, Some(due));
    }

    /// Lets through all that waits, but not the end.
    pub(crate) fn pass_bytes(&mut self) {
        self.move_on(usize::MAX, None);
    }

    /// Lets through all that waits, and the end.
    pub(crate) fn pass_all(&mut self) {
        self.pass_bytes();
        self.pass_end();
    }

    /// Lets the end through, if there is nothing before it any more.
    pub(crate) fn pass_end(&mut self) {
        if self.input.is_empty()
            && let Some(end) = self.input.take_end()
        {
            self.output.end(end);
        }
    }

    /// Whether nothing comes any more.
    pub(crate) fn has_ended(&self) -> bool {
        self.input.is_empty() && self.input.has_ended()
    }

    /// Drops up to `length` bytes.
    pub(crate) fn drop_bytes(&mut self, length: usize) {
        let mut left = length;
        while left > 0
            && let Some(chunk) = self.input.split_front(left)
        {
            left -= chunk.bytes.len();
            self.tally.dropped(chunk.bytes.len());
        }
    }

    /// Nothing comes after this; what waits is dropped.
    pub(crate) fn close(&mut self, end: End) {
        self.drop_bytes(usize::MAX);
        self.output.end(end);
    }

    fn move_on(&mut self, length: usize, due: Option<Instant>) {
        let mut left = length;
        while left > 0
            && let Some(chunk) = self.input.split_front(left)
        {
            left -= chunk.bytes.len();
            *self.passed_bytes += chunk.bytes.len() as u64;
            self.output.push(Chunk { at: due.unwrap_or(chunk.at), bytes: chunk.bytes });
        }
    }
}
