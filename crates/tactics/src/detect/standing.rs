//! What a detector says of its target, and since which epoch.

/// What a detector holds of its target.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Standing {
    /// It is used.
    Up,
    /// Something is amiss; not enough to act on.
    Suspect,
    /// It is taken for dead.
    Down,
}

/// A change of standing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Change {
    /// What it was.
    pub from: Standing,
    /// What it is. The same as `from` only when a target was found to have restarted.
    pub to: Standing,
    /// Grows whenever a target goes down, comes back or restarts. What is decided by an earlier
    /// one is void: the fence between a target and its past.
    pub epoch: u64,
}

/// Which number of a policy makes no sense.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("detect: `{field}` {problem}")]
pub struct PolicyError {
    pub(super) field: &'static str,
    pub(super) problem: &'static str,
}

/// A standing with its epoch.
#[derive(Clone, Copy, Debug)]
pub(super) struct Record {
    pub(super) standing: Standing,
    pub(super) epoch: u64,
}

impl Record {
    pub(super) fn new(standing: Standing) -> Self {
        Self { standing, epoch: 0 }
    }

    /// Takes on `standing`. Only what crosses the border of down opens an epoch.
    pub(super) fn enter(&mut self, standing: Standing) -> Option<Change> {
        let from = self.standing;
        if from == standing {
            return None;
        }
        self.standing = standing;
        if from == Standing::Down || standing == Standing::Down {
            self.epoch += 1;
        }
        Some(Change { from, to: standing, epoch: self.epoch })
    }

    /// Another incarnation of the target is there.
    pub(super) fn restart(&mut self) -> Change {
        self.epoch += 1;
        Change { from: self.standing, to: self.standing, epoch: self.epoch }
    }
}
