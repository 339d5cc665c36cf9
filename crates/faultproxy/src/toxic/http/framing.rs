//! Follows a stream from message to message.
//!
//! It may join a connection in the middle of a message, or see no HTTP at all. So what does not begin
//! like a message passes, one chunk at a time, and the next chunk that does begin like one is taken for
//! one. A body with an HTTP head at the beginning of a read could be mistaken; nothing else can.

use super::body::Body;
use super::head::{self, HEAD_BYTES_MAX, Head, Reading};
use crate::link::Queue;
use crate::toxic::Direction;

#[derive(Debug)]
pub(in crate::toxic) struct Framing {
    direction: Direction,
    /// What of the current message is still to come.
    body: Body,
    /// Nothing of the body has come yet.
    is_after_head: bool,
}

/// What comes next; the caller takes exactly that off the queue before it asks again.
#[derive(Debug)]
pub(in crate::toxic) enum Part {
    Head(Head),
    /// So many bytes of a body, or of what is not HTTP.
    Rest(usize),
    /// More has to come first.
    Unclear,
}

impl Framing {
    pub(in crate::toxic) fn new(direction: Direction) -> Self {
        Self { direction, body: Body::NONE, is_after_head: false }
    }

    /// Whether a message is complete.
    pub(in crate::toxic) fn is_between_messages(&self) -> bool {
        self.body.is_done()
    }

    pub(in crate::toxic) fn next(&mut self, input: &Queue) -> Part {
        let Some(front) = input.front() else { return Part::Unclear };
        // The answer to HEAD announces a body that does not come, and the request is not seen here.
        if self.is_after_head
            && self.direction == Direction::Downstream
            && head::begins_as_answer(&front.bytes)
        {
            self.body = Body::NONE;
        }
        self.is_after_head = false;
        if !self.body.is_done() {
            return Part::Rest(self.body.take(&front.bytes));
        }
        match head::read(&input.beginning(HEAD_BYTES_MAX), self.direction) {
            Reading::Complete(head) => {
                self.body = head.body.clone();
                self.is_after_head = true;
                Part::Head(head)
            }
            Reading::Incomplete if !input.has_ended() => Part::Unclear,
            Reading::Incomplete | Reading::NotHttp => Part::Rest(front.bytes.len()),
        }
    }
}
