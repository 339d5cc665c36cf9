//! When other programs took the processors, and which operations that explains.
//!
//! A generator that runs at real-time priority does not notice them; the services do. That others
//! work is not enough: on a machine with processors to spare nobody waits for them. So a span is
//! crowded when others used much of the processors *and* a thread with the priority of the services
//! woke up late in it. That thread alone proves nothing either, since the system under test could
//! have been what it waited for.
//!
//! Nor does it explain everything that goes wrong meanwhile, or a system that hangs could not be
//! found out on a busy machine: waiting for a processor makes an operation slow, but not endless,
//! and it makes none fail at once.

use standfast_history::{MachineSample, Operation, Outcome};

use crate::stall::explained;
use crate::window::{Window, Windows};

/// Below, a machine has room for others. A quarter is half a processor of two.
pub const FOREIGN_SHARE_MIN: f64 = 0.25;

/// An idle machine wakes a thread within a tenth of this, and so does a busy one whose programs
/// make way. The load generator calls a send late from here on, too.
pub const LATE_US_MIN: u64 = 1_000;

/// Whoever fails sooner has not waited for long: no service gives up within this time.
pub const SLOW_FAILURE_US_MIN: u64 = 50_000;

/// An operation is made of so many waits at most, each as long as the worst one of the time. A
/// request takes some ten hops between processes, and others are in line before it.
pub const WAITS_MAX: u64 = 50;

/// The crowded spans of one trial.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Crowding {
    windows: Windows,
    /// The same, in order, with the worst wait in each.
    waits: Vec<(Window, u64)>,
}

impl Crowding {
    /// What all `samples` of a trial tell.
    pub fn of<'a>(samples: impl IntoIterator<Item = &'a MachineSample>) -> Self {
        let crowded = samples.into_iter().filter(|sample| is_crowded(sample));
        let wait = |sample: &MachineSample| {
            (Window { from_us: sample.from_us, to_us: sample.to_us }, sample.late_us)
        };
        let mut waits: Vec<(Window, u64)> = crowded.map(wait).collect();
        waits.sort_by_key(|(window, _)| window.from_us);
        Self { windows: Windows::union(waits.iter().map(|(window, _)| *window)), waits }
    }

    pub fn is_empty(&self) -> bool {
        self.windows.is_empty()
    }

    /// How much of `span` was crowded.
    pub fn covered_us(&self, span: Window) -> u64 {
        self.windows.covered_us(span)
    }

    /// Whether crowding explains how the operation went: as with stalls, a third of it has to be.
    pub fn disturb(&self, operation: &Operation) -> bool {
        let latency_us = operation.latency_us();
        let has_waited = operation.outcome == Outcome::Ok || latency_us >= SLOW_FAILURE_US_MIN;
        has_waited
            && explained(&self.windows, operation)
            && latency_us <= self.worst_wait_us(operation).saturating_mul(WAITS_MAX)
    }

    fn worst_wait_us(&self, operation: &Operation) -> u64 {
        let (from_us, to_us) = (operation.intended_us, operation.done_us);
        let first = self.waits.partition_point(|(window, _)| window.to_us <= from_us);
        let meeting = self.waits[first..].iter().take_while(|(window, _)| window.from_us <= to_us);
        meeting.map(|(_, late_us)| *late_us).max().unwrap_or(0)
    }
}

fn is_crowded(sample: &MachineSample) -> bool {
    sample.foreign >= FOREIGN_SHARE_MIN && sample.late_us >= LATE_US_MIN
}
