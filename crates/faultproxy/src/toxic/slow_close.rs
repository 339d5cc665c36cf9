//! `slow_close`: the end of the stream comes late.

use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use super::delay;
use super::effect::Effect;
use super::pipe::Pipe;

/// Delays only the end.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct SlowClose {
    /// Milliseconds.
    pub delay: i64,
}

#[derive(Debug)]
pub(super) struct Running {
    toxic: SlowClose,
    /// When the end came.
    ended_at: Option<Instant>,
}

impl Running {
    pub(super) fn new(toxic: SlowClose) -> Self {
        Self { toxic, ended_at: None }
    }
}

impl Effect for Running {
    fn run(&mut self, pipe: &mut Pipe<'_>) -> Option<Instant> {
        pipe.pass_bytes();
        pipe.input.pending_end()?;
        let ended_at = *self.ended_at.get_or_insert(pipe.now);
        let due = ended_at + delay::of_milliseconds(self.toxic.delay);
        if due > pipe.now {
            return Some(due);
        }
        pipe.pass_end();
        None
    }
}
