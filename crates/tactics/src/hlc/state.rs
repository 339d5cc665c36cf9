//! The clock as plain data: callers say what the wall clock shows, in milliseconds since 1970.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// How far another node's clock may be ahead. Clocks that are set by NTP differ by milliseconds;
/// half a second is a clock that is not.
pub const AHEAD_MAX: Duration = Duration::from_millis(500);

/// When something was written. Stamps of one clock only grow, and no two of any clocks are equal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Stamp {
    /// Milliseconds since 1970: of the wall clock, or of what was heard of others.
    pub wall_ms: u64,
    /// Orders what has the same millisecond.
    pub count: u32,
    /// Decides between nodes that know nothing of each other.
    pub node: u16,
}

/// A stamp of the future.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("node {node} is {ahead:?} ahead, more than {AHEAD_MAX:?}: is its clock set?")]
pub struct ClockAhead {
    /// Whose stamp it is.
    pub node: u16,
    /// By how much.
    pub ahead: Duration,
}

/// One node's clock.
#[derive(Clone, Copy, Debug)]
pub struct HybridClock {
    node: u16,
    wall_ms: u64,
    count: u32,
}

impl HybridClock {
    /// A clock that has seen nothing. After a restart let it [`observe`](Self::observe) what is
    /// stored, or what it stamped before may win against what it stamps now.
    pub fn new(node: u16) -> Self {
        Self { node, wall_ms: 0, count: 0 }
    }

    /// A stamp that is later than all that this clock has given or observed.
    pub fn tick(&mut self, now_ms: u64) -> Stamp {
        (self.wall_ms, self.count) = match self.count.checked_add(1) {
            _ if now_ms > self.wall_ms => (now_ms, 0),
            Some(count) => (self.wall_ms, count),
            None => (self.wall_ms + 1, 0),
        };
        Stamp { wall_ms: self.wall_ms, count: self.count, node: self.node }
    }

    /// Takes notice of another node's stamp.
    ///
    /// # Errors
    /// When it is more than [`AHEAD_MAX`] ahead of the wall clock. The value that came with it must
    /// be refused as well: it would win against all others until then.
    pub fn observe(&mut self, stamp: Stamp, now_ms: u64) -> Result<(), ClockAhead> {
        let ahead = Duration::from_millis(stamp.wall_ms.saturating_sub(now_ms));
        if ahead > AHEAD_MAX {
            return Err(ClockAhead { node: stamp.node, ahead });
        }
        (self.wall_ms, self.count) = (self.wall_ms, self.count).max((stamp.wall_ms, stamp.count));
        Ok(())
    }
}
