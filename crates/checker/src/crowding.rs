//! When other programs took the processors, and which operations that explains.
//!
//! A generator that runs at real-time priority does not notice them; the services do. That others
//! work is not enough: on a machine with processors to spare nobody waits for them. So a span is
//! crowded when others used much of the processors *and* a thread with the priority of the services
//! woke up late in it. That thread alone proves nothing either, since the system under test could
//! have been what it waited for.

use standfast_history::{MachineSample, Operation};

use crate::stall::explained;
use crate::window::{Window, Windows};

/// Below, a machine has room for others. A quarter is half a processor of two.
pub const FOREIGN_SHARE_MIN: f64 = 0.25;

/// An idle machine wakes a thread within a tenth of this, and so does a busy one whose programs
/// make way. The load generator calls a send late from here on, too.
pub const LATE_US_MIN: u64 = 1_000;

/// The crowded spans of one trial.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Crowding(Windows);

impl Crowding {
    /// What all `samples` of a trial tell.
    pub fn of<'a>(samples: impl IntoIterator<Item = &'a MachineSample>) -> Self {
        let crowded = samples.into_iter().filter(|sample| is_crowded(sample));
        Self(Windows::union(
            crowded.map(|sample| Window { from_us: sample.from_us, to_us: sample.to_us }),
        ))
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How much of `span` was crowded.
    pub fn covered_us(&self, span: Window) -> u64 {
        self.0.covered_us(span)
    }

    /// Whether crowding explains how the operation went: as with stalls, a third of it has to be.
    pub fn disturb(&self, operation: &Operation) -> bool {
        explained(&self.0, operation)
    }
}

fn is_crowded(sample: &MachineSample) -> bool {
    sample.foreign >= FOREIGN_SHARE_MIN && sample.late_us >= LATE_US_MIN
}
