//! What is known of a move for sure, because it is in the catalog.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::Moment;
use super::action::Position;
use super::slots::SlotSet;

/// One move, as it is journaled. Each write replaces the one before it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Record {
    /// Names everything that belongs to the move on the shards.
    pub id: u64,
    /// The shard that owned the slots when the move was planned.
    pub source: String,
    /// The shard that is to own them.
    pub target: String,
    pub slots: SlotSet,
    pub phase: Phase,
    /// What an operator should know: why it was aborted, or what was found to differ.
    pub problem: Option<String>,
    /// How often the copy was lost and the move has started over.
    #[serde(default)]
    pub restarts: u32,
    /// How long the old owner follows after the move, at least, whoever resumes it.
    #[serde(default)]
    pub keep: Duration,
}

/// Where a move is on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "name", deny_unknown_fields)]
pub enum Phase {
    /// Nothing was done on a shard yet.
    Planned,
    /// The publication, the slot and the subscription are being made.
    Capturing,
    /// The target copies what is there.
    Copying,
    /// The target applies what was written since.
    CatchingUp,
    /// Both shards are compared at one point of the log.
    Verifying,
    /// The source is being closed. Whether it is must be looked at; the map still names it.
    CuttingOver,
    /// The copy was lost: what there is of it is taken away, and the move begins again.
    StartingOver,
    /// The map names the target, which must be opened; replication is being turned round.
    Switched {
        epoch: u64,
        position: Position,
    },
    /// The source follows the target; both are compared again.
    Confirming,
    /// The source still follows, so that a rollback loses nothing, until this much later.
    Kept {
        since: Moment,
    },
    /// A rollback: the target is being closed. The map still names it.
    Returning,
    /// What belongs to the move is taken away, and the rows from whoever does not own them.
    Cleaning {
        ending: Ending,
    },
    Ended {
        ending: Ending,
    },
}

/// How a move ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ending {
    /// The target owns the slots.
    Moved,
    /// The slots never left the source.
    Aborted,
    /// The slots are back, with what was written meanwhile.
    RolledBack,
}

/// What an operator wants of a move that is under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Wish {
    /// Leave the slots where they are. Too late once the map names the target.
    Abort,
    /// Bring the slots back, whatever happened.
    Rollback,
    /// Drop the old copy now, also when a comparison found a difference.
    Finish,
}

/// One of the two shards.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Side {
    Source,
    Target,
}

/// A direction of replication.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Leg {
    /// The target follows the source.
    Forward,
    /// The source follows the target.
    Reverse,
}

impl Record {
    pub fn shard(&self, side: Side) -> &str {
        match side {
            Side::Source => &self.source,
            Side::Target => &self.target,
        }
    }

    /// How it ended, if it did.
    pub fn ending(&self) -> Option<Ending> {
        if let Phase::Ended { ending } = self.phase { Some(ending) } else { None }
    }

    /// The problem because of which both copies are kept until an operator has decided. Whatever
    /// was wished for before has come to nothing, and is forgotten with the writing of this.
    pub fn undecided(&self) -> Option<&str> {
        self.problem.as_deref().filter(|_| matches!(self.phase, Phase::Kept { .. }))
    }

    /// The same in another phase.
    #[must_use]
    pub fn in_phase(&self, phase: Phase) -> Self {
        Self { phase, ..self.clone() }
    }
}

impl Phase {
    /// The word for people and events.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Planned => "planned",
            Self::Capturing => "capturing",
            Self::Copying => "copying",
            Self::CatchingUp => "catching-up",
            Self::Verifying => "verifying",
            Self::CuttingOver => "cutting-over",
            Self::StartingOver => "starting-over",
            Self::Switched { .. } => "switched",
            Self::Confirming => "confirming",
            Self::Kept { .. } => "kept",
            Self::Returning => "returning",
            Self::Cleaning { .. } => "cleaning",
            Self::Ended { .. } => "ended",
        }
    }

    /// May the move still be aborted? The map names the source as long as it may.
    pub fn is_before_switch(&self) -> bool {
        match self {
            Self::Planned
            | Self::Capturing
            | Self::Copying
            | Self::CatchingUp
            | Self::Verifying
            | Self::CuttingOver
            | Self::StartingOver => true,
            Self::Switched { .. }
            | Self::Confirming
            | Self::Kept { .. }
            | Self::Returning
            | Self::Cleaning { .. }
            | Self::Ended { .. } => false,
        }
    }

    /// Whom the map names, and who is to take writes if nothing else goes on.
    pub fn owner(&self) -> Side {
        match self {
            Self::Planned
            | Self::Capturing
            | Self::Copying
            | Self::CatchingUp
            | Self::Verifying
            | Self::CuttingOver
            | Self::StartingOver => Side::Source,
            Self::Switched { .. } | Self::Confirming | Self::Kept { .. } | Self::Returning => {
                Side::Target
            }
            Self::Cleaning { ending } | Self::Ended { ending } => ending.owner(),
        }
    }
}

impl Ending {
    pub fn name(self) -> &'static str {
        match self {
            Self::Moved => "moved",
            Self::Aborted => "aborted",
            Self::RolledBack => "rolled-back",
        }
    }

    /// Who owns the slots after it.
    pub fn owner(self) -> Side {
        match self {
            Self::Moved => Side::Target,
            Self::Aborted | Self::RolledBack => Side::Source,
        }
    }
}

impl Side {
    /// Nobody else.
    pub(super) fn alone(self) -> &'static [Self] {
        match self {
            Self::Source => &[Self::Source],
            Self::Target => &[Self::Target],
        }
    }

    pub fn other(self) -> Self {
        match self {
            Self::Source => Self::Target,
            Self::Target => Self::Source,
        }
    }
}

impl Leg {
    /// Who is followed.
    pub fn from(self) -> Side {
        match self {
            Self::Forward => Side::Source,
            Self::Reverse => Side::Target,
        }
    }

    /// Who follows.
    pub fn to(self) -> Side {
        self.from().other()
    }

    /// The word in names of publications, slots and subscriptions.
    pub fn name(self) -> &'static str {
        match self {
            Self::Forward => "forward",
            Self::Reverse => "reverse",
        }
    }
}
