//! What a core asks for, and what it is told of it.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::record::{Ending, Leg, Record, Side};

const BOTH: &[Side] = &[Side::Source, Side::Target];

/// One thing to do. Each may be repeated; only what is held is gone when its coordinator is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Write the record down, in one transaction with the map when the slots change hands.
    Record {
        record: Box<Record>,
        handover: Option<Handover>,
    },
    /// See that both shards and their tables are fit for it.
    Check,
    /// Take rows of the slots away from a shard that does not own them, unless it follows by a
    /// subscription of this move.
    Empty(Side),
    /// Publish the slots' rows, and the marks of this direction.
    Publish(Leg),
    /// Keep the log from here on.
    MakeSlot(Leg),
    /// Have the follower copy (forward), or go on after `after` (reverse). Without a slot there is
    /// nothing to follow: the copy is `Missing`.
    Subscribe {
        leg: Leg,
        after: Option<Position>,
    },
    /// How far is the copy, and is it still the one that was begun?
    LookAtCopy(Leg),
    /// Write this mark on the shard that is followed.
    Mark {
        leg: Leg,
        value: u64,
    },
    /// Wait until the follower shows the mark.
    AwaitMark {
        leg: Leg,
        value: u64,
        within: Duration,
    },
    /// Who is open, and what is the map's epoch?
    LookAtOwnership(Leg),
    /// Close the slots on the shard that is followed in a transaction that stays open: writers
    /// wait, and if nobody commits it within `within`, the server takes it back.
    Hold {
        leg: Leg,
        epoch: u64,
        within: Duration,
    },
    /// While all is held: what both shards hold is to be compared.
    Snapshot(Leg),
    /// Take what is held back: nothing has happened.
    Release,
    /// Compare the snapshots.
    Compare(Leg),
    /// Make what the follower has durable, also on its replica, and say where its log is. If it was
    /// replaced since the copy began, that is `Missing`.
    Settle(Leg),
    /// Commit what is held: the slots are closed.
    Close(Leg),
    /// Take writes here. Only after the map says so.
    Open {
        side: Side,
        epoch: u64,
    },
    Unsubscribe(Leg),
    DropSlot(Leg),
    Unpublish(Leg),
    ForgetMarks,
    /// Ask again then.
    Wait(Duration),
    /// There is nothing left to do.
    Finish(Ending),
    /// It cannot go on now, and can be resumed.
    GiveUp(String),
}

/// Slots change hands in the map: a compare-and-set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Handover {
    pub from: Side,
    /// What the map's epoch must be; it is one more afterwards.
    pub epoch: u64,
}

/// How an action ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    Done,
    Copy(CopyState),
    /// The mark was not seen, or the slots could not be held, in time.
    Late,
    Standing(Standing),
    Settled(Position),
    Compared(Comparison),
    /// It is unfit for good: the reason is for people.
    Refused(String),
    /// It may have happened or not.
    Failed(String),
    /// Another coordinator has taken over.
    Fenced,
}

/// How far the follower's first copy is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum CopyState {
    /// So many tables of so many; and how often the server has tried in vain, which it does again
    /// and again.
    Tables { ready: u32, all: u32, errors: u32 },
    /// There is no subscription or no slot any more, or one of the servers has been replaced by its
    /// replica since: what the slot has given away may be on neither.
    Missing,
}

/// What a shard and the map say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// None of the slots takes writes on the shard that is followed (else all of them do).
    pub is_closed: bool,
    /// Of the map.
    pub epoch: u64,
}

/// A place in a server's log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Position(pub u64);

/// Two shards, slot by slot.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Comparison {
    pub rows: u64,
    pub differences: Vec<Difference>,
}

/// A slot of a table of which the shards do not hold the same rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    pub table: String,
    pub slot: u16,
    /// Rows and checksum.
    pub followed: (u64, String),
    pub follower: (u64, String),
}

impl Action {
    /// The shards that have to be there for it. What is held, and snapshots, have sessions of their
    /// own: they are there, or it is over with them.
    pub fn sides(&self) -> &'static [Side] {
        match self {
            Self::Record { .. }
            | Self::Release
            | Self::Compare(_)
            | Self::Close(_)
            | Self::Wait(_)
            | Self::Finish(_)
            | Self::GiveUp(_) => &[],
            Self::Check
            | Self::Subscribe { .. }
            | Self::LookAtCopy(_)
            | Self::Snapshot(_)
            | Self::DropSlot(_)
            | Self::ForgetMarks => BOTH,
            Self::Empty(side) | Self::Open { side, .. } => side.alone(),
            Self::Publish(leg)
            | Self::MakeSlot(leg)
            | Self::Mark { leg, .. }
            | Self::LookAtOwnership(leg)
            | Self::Hold { leg, .. }
            | Self::Unpublish(leg) => leg.from().alone(),
            Self::AwaitMark { leg, .. } | Self::Settle(leg) | Self::Unsubscribe(leg) => {
                leg.to().alone()
            }
        }
    }

    /// The word in traces and events.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Record { .. } => "record",
            Self::Check => "check",
            Self::Empty(_) => "empty",
            Self::Publish(_) => "publish",
            Self::MakeSlot(_) => "make-slot",
            Self::Subscribe { .. } => "subscribe",
            Self::LookAtCopy(_) => "look-at-copy",
            Self::Mark { .. } => "mark",
            Self::AwaitMark { .. } => "await-mark",
            Self::LookAtOwnership(_) => "look-at-ownership",
            Self::Hold { .. } => "hold",
            Self::Snapshot(_) => "snapshot",
            Self::Release => "release",
            Self::Compare(_) => "compare",
            Self::Settle(_) => "settle",
            Self::Close(_) => "close",
            Self::Open { .. } => "open",
            Self::Unsubscribe(_) => "unsubscribe",
            Self::DropSlot(_) => "drop-slot",
            Self::Unpublish(_) => "unpublish",
            Self::ForgetMarks => "forget-marks",
            Self::Wait(_) => "wait",
            Self::Finish(_) => "finish",
            Self::GiveUp(_) => "give-up",
        }
    }
}

impl std::fmt::Display for Difference {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { table, slot, followed, follower } = self;
        write!(formatter, "slot {slot} of {table}: {} rows on the owner", followed.0)?;
        write!(formatter, " (checksum {}), {} on the copy", followed.1, follower.0)?;
        write!(formatter, " (checksum {})", follower.1)
    }
}
