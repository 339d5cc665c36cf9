//! `latency`: every chunk comes later, and as many of them per second as before.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use super::delay;
use super::effect::Effect;
use super::pipe::Pipe;
use crate::link::Draw;

/// Delays what passes. Stacked latencies add up.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Latency {
    /// Milliseconds.
    pub latency: i64,
    /// Milliseconds; each chunk is delayed by `latency` ± a random part of it.
    pub jitter: i64,
}

#[derive(Debug)]
pub(super) struct Running {
    toxic: Latency,
    /// When the chunk at the head is due: drawn once, when it gets there.
    due: Option<Instant>,
}

impl Running {
    pub(super) fn new(toxic: Latency) -> Self {
        Self { toxic, due: None }
    }
}

impl Effect for Running {
    fn run(&mut self, pipe: &mut Pipe<'_>) -> Option<Instant> {
        while let Some(head) = pipe.input.front() {
            let due = *self.due.get_or_insert_with(|| head.at + self.toxic.delay(pipe.draw));
            if due > pipe.now {
                return Some(due);
            }
            self.due = None;
            pipe.pass_delayed(head.bytes.len(), due);
        }
        pipe.pass_end();
        None
    }

    fn is_in_flight(&self) -> bool {
        true
    }
}

impl Latency {
    fn delay(&self, draw: &mut Draw) -> Duration {
        let jitter = self.jitter.max(0);
        let spread = if jitter > 0 { draw.below(2 * jitter.unsigned_abs()) } else { 0 };
        let spread = i64::try_from(spread).unwrap_or(i64::MAX);
        delay::of_milliseconds(self.latency.saturating_add(spread).saturating_sub(jitter))
    }
}
