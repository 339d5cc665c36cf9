//! `http_slow_header`: the head of an HTTP message comes in pieces, its body at full speed.
//!
//! A client with a timeout per read never sees it expire; one with a deadline for the answer does.

use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use super::delay;
use super::effect::Effect;
use super::http::{Framing, Part};
use super::pipe::Pipe;
use super::stream::Direction;

/// Slows heads down, not bodies.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct HttpSlowHeader {
    /// Milliseconds between pieces.
    pub delay: i64,
    /// Bytes per piece; at least one.
    pub bytes: i64,
}

#[derive(Debug)]
pub(super) struct Running {
    toxic: HttpSlowHeader,
    framing: Framing,
    /// What is left of a head, and when its next piece is due.
    head: Option<(usize, Instant)>,
}

impl Running {
    pub(super) fn new(toxic: HttpSlowHeader, direction: Direction) -> Self {
        Self { toxic, framing: Framing::new(direction), head: None }
    }
}

impl Effect for Running {
    fn run(&mut self, pipe: &mut Pipe<'_>) -> Option<Instant> {
        let piece_max = usize::try_from(self.toxic.bytes).unwrap_or(0).max(1);
        loop {
            if let Some((left, due)) = self.head {
                if due > pipe.now {
                    return Some(due);
                }
                let piece = left.min(piece_max);
                pipe.pass_delayed(piece, due);
                let next_due = due + delay::of_milliseconds(self.toxic.delay);
                self.head = (left > piece).then_some((left - piece, next_due));
                continue;
            }
            match self.framing.next(pipe.input) {
                Part::Head(head) => self.head = Some((head.length, pipe.now)),
                Part::Rest(length) => pipe.pass(length),
                Part::Unclear => {
                    pipe.pass_end();
                    return None;
                }
            }
        }
    }
}
