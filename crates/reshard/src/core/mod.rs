//! The decisions of a move, without I/O: outcomes go in, the next action comes out.
//!
//! Nothing here waits, sleeps or reads a clock. A move is in a [`Phase`], which is on disk in the
//! catalog. A phase is a short script of actions that may all be repeated, so a coordinator that
//! was killed anywhere needs no plan for its return: its successor begins the phase anew.
//!
//! What is kept, whoever dies when:
//! - I1: a slot is open for writes on at most one shard.
//! - I2: a shard that is about to be opened holds every acknowledged row of the slot: the other one
//!   was closed before, and a mark that was written after its last row was seen here.
//! - I3: who owns a slot is decided by one compare-and-set of the catalog's epoch, after the old
//!   owner has closed it and before the new one opens it.
//! - I4: rows are deleted only from a shard that is closed for them and has no subscriber for them.
//!
//! Replication never runs in a circle: the reverse slot is advanced past what the forward
//! subscription applied, and the forward subscription is gone before the reverse one is made.

mod action;
mod map;
mod options;
mod record;
mod script;
mod slots;
mod state;

pub use action::{
    Action, Comparison, CopyState, Difference, Handover, Outcome, Position, Standing,
};
pub use map::{Map, PlanError, PlannedMove};
pub use options::{Options, Sabotage};
pub use record::{Ending, Leg, Phase, Record, Side, Wish};
pub use slots::{SlotRange, SlotSet, SlotSetError};
pub use state::Core;

/// A point in time: since an origin that the caller chooses, and never runs backwards.
pub type Moment = std::time::Duration;
