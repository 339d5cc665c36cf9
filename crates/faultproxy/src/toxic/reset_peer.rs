//! `reset_peer`: the connection is reset, as by a peer that has forgotten it.

use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use super::delay;
use super::effect::Effect;
use super::pipe::Pipe;
use crate::link::End;

/// Answers the first data, or the end, with a reset (RST).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ResetPeer {
    /// Milliseconds from there on.
    pub timeout: i64,
}

#[derive(Debug)]
pub(super) struct Running {
    toxic: ResetPeer,
    /// When the first data or the end came.
    since: Option<Instant>,
}

impl Running {
    pub(super) fn new(toxic: ResetPeer) -> Self {
        Self { toxic, since: None }
    }
}

impl Effect for Running {
    fn run(&mut self, pipe: &mut Pipe<'_>) -> Option<Instant> {
        if pipe.input.is_empty() && pipe.input.pending_end().is_none() {
            return None;
        }
        let since = *self.since.get_or_insert(pipe.now);
        let due = since + delay::of_milliseconds(self.toxic.timeout);
        if due > pipe.now {
            return Some(due);
        }
        pipe.close(End::Reset);
        None
    }
}
