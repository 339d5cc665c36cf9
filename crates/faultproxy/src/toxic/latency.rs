//! `latency`: every chunk comes later, and as many of them per second as before.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use super::pipe::Pipe;

/// Delays what passes. Stacked latencies add up.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Latency {
    /// Milliseconds.
    pub latency: i64,
    /// Milliseconds; each chunk is delayed by `latency` ± a random part of it.
    pub jitter: i64,
}

/// When the chunk at the head is due: drawn once, when it gets there.
#[derive(Debug, Default)]
pub struct State {
    due: Option<Instant>,
}

impl Latency {
    pub(crate) fn run(&self, state: &mut State, pipe: &mut Pipe<'_>) -> Option<Instant> {
        while let Some(head) = pipe.input.front() {
            let arrived = head.at;
            let due = *state.due.get_or_insert_with(|| arrived + self.delay(pipe));
            if due > pipe.now {
                return Some(due);
            }
            state.due = None;
            let mut chunk = pipe.input.pop().expect("it is at the head");
            // The next latency counts from here, so that they add up however late we look.
            chunk.at = due;
            pipe.output.push(chunk);
        }
        pipe.pass_end();
        None
    }

    fn delay(&self, pipe: &mut Pipe<'_>) -> Duration {
        let jitter = self.jitter.max(0);
        let spread = if jitter > 0 { pipe.draw.below(2 * jitter.unsigned_abs()) } else { 0 };
        let spread = i64::try_from(spread).unwrap_or(i64::MAX);
        let delay_ms = self.latency.saturating_add(spread).saturating_sub(jitter);
        Duration::from_millis(u64::try_from(delay_ms).unwrap_or(0))
    }
}
