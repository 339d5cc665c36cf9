//! The one map that holds, and how it is replaced.

use super::state::{Epoch, SlotMap};

/// The current map of a system. A change that was made from an older map is refused: of two
/// operators, or of two halves of a coordinator, one has to begin anew from what the other did.
///
/// In a table the same is one statement, whose count of rows says whether it was done:
///
/// ```sql
/// UPDATE shard_map SET epoch = $1, map = $2 WHERE epoch = $1 - 1
/// ```
#[derive(Clone, Debug)]
pub struct Published(SlotMap);

/// Somebody else was first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the slot map is at {current:?}, {offered:?} cannot follow: read it again and decide anew")]
pub struct Conflict {
    /// The epoch of the map that holds.
    pub current: Epoch,
    /// That of the map that should have followed.
    pub offered: Epoch,
}

impl Published {
    /// Begins with this map.
    pub fn new(map: SlotMap) -> Self {
        Self(map)
    }

    /// The map that holds.
    pub fn current(&self) -> &SlotMap {
        &self.0
    }

    /// Puts `next` in the place of the current map, if it is of the very next epoch.
    ///
    /// # Errors
    /// When it is not.
    pub fn swap(&mut self, next: SlotMap) -> Result<(), Conflict> {
        let (current, offered) = (self.0.epoch(), next.epoch());
        if offered != current.next() {
            return Err(Conflict { current, offered });
        }
        self.0 = next;
        Ok(())
    }
}
