//! `bandwidth`: at most so many bytes per second.
//!
//! Every slice has a due time that follows from the one before it, not from when somebody came to
//! look: timers that fire late cost nothing of the rate.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use super::effect::Effect;
use super::pipe::Pipe;

/// The longest that bytes which could go wait for others of their chunk, as in Toxiproxy.
const SLICE_MS_MAX: u64 = 100;

/// How much lateness is made up for, so that a long stall does not end in a flood.
const CATCH_UP_MAX: Duration = Duration::from_millis(100);

/// Limits the rate.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Bandwidth {
    /// Kilobytes (1000 bytes) per second; 0 lets nothing through.
    pub rate: i64,
}

#[derive(Debug)]
pub(super) struct Running {
    toxic: Bandwidth,
    /// While something waits: when the slice before it was due.
    free_at: Option<Instant>,
    /// By how much the last slice was late.
    late: Duration,
}

impl Running {
    pub(super) fn new(toxic: Bandwidth) -> Self {
        Self { toxic, free_at: None, late: Duration::ZERO }
    }
}

impl Effect for Running {
    fn run(&mut self, pipe: &mut Pipe<'_>) -> Option<Instant> {
        let bytes_per_ms = u64::try_from(self.toxic.rate).unwrap_or(0);
        if bytes_per_ms == 0 {
            pipe.pass_end();
            return None;
        }
        let slice_max = usize::try_from(bytes_per_ms.saturating_mul(SLICE_MS_MAX));
        let slice_max = slice_max.unwrap_or(usize::MAX);
        let from_idle = pipe.now.checked_sub(self.late).unwrap_or(pipe.now);
        let mut free_at = self.free_at.take().unwrap_or(from_idle);
        while let Some(head) = pipe.input.front() {
            let slice = head.bytes.len().min(slice_max);
            let takes_ns = (slice as u64).saturating_mul(1_000_000) / bytes_per_ms;
            let due = free_at + Duration::from_nanos(takes_ns);
            if due > pipe.now {
                self.free_at = Some(free_at);
                return Some(due);
            }
            pipe.pass_delayed(slice, due);
            free_at = due;
        }
        self.late = pipe.now.saturating_duration_since(free_at).min(CATCH_UP_MAX);
        pipe.pass_end();
        None
    }
}
