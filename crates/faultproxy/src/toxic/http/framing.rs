//! Follows a stream from message to message.
//!
//! It may join a connection in the middle of a message, or see no HTTP at all. So what does not
//! begin like a message passes, one chunk at a time, and the next chunk that does begin like one is
//! taken for one. A body with an HTTP head at the beginning of a read could be mistaken; nothing
//! else can.

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

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use tokio::time::Instant;

    use super::*;
    use crate::link::{Chunk, End};

    /// Reads `chunks` and tells what they are: `H` a head, `-` the rest, in pieces.
    fn parts(direction: Direction, chunks: &[&str]) -> String {
        let (mut framing, mut queue) = (Framing::new(direction), Queue::default());
        let mut told = String::new();
        for chunk in chunks {
            queue.push(Chunk { bytes: Bytes::from((*chunk).to_owned()), at: Instant::now() });
            loop {
                let (name, length) = match framing.next(&queue) {
                    Part::Head(head) => ('H', head.length),
                    Part::Rest(length) => ('-', length),
                    Part::Unclear => break,
                };
                let mut left = length;
                while left > 0 {
                    left -= queue.split_front(left).expect("no more than there is").bytes.len();
                }
                told.push_str(&format!("{name}{length} "));
            }
        }
        assert_eq!(framing.is_between_messages(), framing.body.is_done());
        told.trim_end().to_owned()
    }

    const OK_5: &str = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n";

    #[test]
    fn follows_a_connection_that_is_kept_alive() {
        let head = OK_5.len();
        let pipelined = format!("{OK_5}hello{OK_5}hello");
        assert_eq!(parts(Direction::Downstream, &[&pipelined]), format!("H{head} -5 H{head} -5"));
        let cut = [&OK_5[..9], &OK_5[9..], "hel", "lo", OK_5];
        assert_eq!(parts(Direction::Downstream, &cut), format!("H{head} -3 -2 H{head}"));
        let requests = "GET / HTTP/1.1\r\n\r\nPOST / HTTP/1.1\r\nContent-Length: 2\r\n\r\nok";
        assert_eq!(parts(Direction::Upstream, &[requests]), "H18 H38 -2");
        let interim = "HTTP/1.1 100 Continue\r\n\r\n";
        assert_eq!(parts(Direction::Downstream, &[interim, OK_5]), format!("H25 H{head}"));
    }

    #[test]
    fn the_answer_to_head_has_no_body_whatever_it_announces() {
        let head = OK_5.len();
        let chunks = [OK_5, OK_5, "hello", OK_5];
        assert_eq!(parts(Direction::Downstream, &chunks), format!("H{head} H{head} -5 H{head}"));
    }

    #[test]
    fn joins_in_the_middle_of_a_message() {
        let head = OK_5.len();
        let chunks = ["the end of a body", OK_5, "hello"];
        assert_eq!(parts(Direction::Downstream, &chunks), format!("-17 H{head} -5"));
    }

    #[test]
    fn an_incomplete_head_waits_until_the_stream_ends() {
        let mut queue = Queue::default();
        let bytes = Bytes::from_static(b"GET / HT");
        queue.push(Chunk { bytes, at: Instant::now() });
        let mut framing = Framing::new(Direction::Upstream);
        assert!(matches!(framing.next(&queue), Part::Unclear));
        queue.end(End::Finish);
        assert!(matches!(framing.next(&queue), Part::Rest(8)));
    }
}
