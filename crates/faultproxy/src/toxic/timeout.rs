//! `timeout`: what comes is dropped, and the connection closed after a while.

use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use super::delay;
use super::effect::Effect;
use super::pipe::Pipe;
use crate::link::End;

/// Drops all and closes then; taking it away closes as well.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Timeout {
    /// Milliseconds; 0 never closes.
    pub timeout: i64,
}

#[derive(Debug)]
pub(super) struct Running {
    toxic: Timeout,
    /// When it began to act on this connection.
    since: Option<Instant>,
}

impl Running {
    pub(super) fn new(toxic: Timeout) -> Self {
        Self { toxic, since: None }
    }
}

impl Effect for Running {
    fn run(&mut self, pipe: &mut Pipe<'_>) -> Option<Instant> {
        let since = *self.since.get_or_insert(pipe.now);
        pipe.drop_bytes(usize::MAX);
        match pipe.input.take_end() {
            None => {}
            // Bytes before it are missing: whoever still waits for an answer waits in vain.
            Some(End::Finish | End::Close) => pipe.close(End::Close),
            Some(End::Reset) => pipe.close(End::Reset),
        }
        if self.toxic.timeout <= 0 || pipe.output.has_ended() {
            return None;
        }
        let due = since + delay::of_milliseconds(self.toxic.timeout);
        if due > pipe.now {
            return Some(due);
        }
        pipe.close(End::Close);
        None
    }

    fn closes_when_removed(&self) -> bool {
        true
    }
}
