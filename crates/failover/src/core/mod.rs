//! The decisions of a watchdog, without I/O: what is seen goes in, what is to be done comes out.
//!
//! Nothing here waits, sleeps or reads a clock. On every [`Input`] the core compares what is on
//! disk ([`Record`]) with what was seen last, and asks for the next step of whatever is not as it
//! should be. So a watchdog that was killed anywhere needs no plan for its return: its successor
//! looks, and does what is next.
//!
//! Four rules keep every acknowledged write (`invariants` checks them on each action):
//! - I1: only the journaled primary is given clients.
//! - I2: a replica is claimed to be safe after commits wait for it and it has caught up.
//! - I3: it is journaled out of the claim before commits stop waiting for it.
//! - I4: only a member of the claim is promoted, and only after the old primary is proved dead.
//!
//! Two steps that write to disk never overlap, and while one is under way nothing else is begun:
//! what the core acts on is always what a successor would read.

mod action;
mod backoff;
mod cover;
mod draining;
mod gtid_set;
mod guarding;
pub mod invariants;
mod node;
mod options;
mod position;
mod record;
mod refusal;
mod routing;
mod serving;
mod sighting;
mod state;
mod succession;
mod suspicion;
mod tending;
mod view;

pub use action::{Action, Command, Event, EventKind, Input, Order, Outcome, Ticket};
pub use cover::{Copies, Cover, Step};
pub use gtid_set::{GtidError, GtidSet};
pub use node::{NODES_MAX, NodeId, NodeSet};
pub use options::{Options, Reintegration, Sabotage};
pub use position::Position;
pub use record::{Cause, Phase, Record};
pub use refusal::{Refusal, RefusalKind};
pub use sighting::{Follower, Report, Routing, Seen, Sighting};
pub use state::Core;
pub use suspicion::Health;
pub use view::View;

/// A point in time: since an origin that the caller chooses, and never runs backwards. Failovers
/// are journaled with it, so it should be the same origin after a restart.
pub type Moment = std::time::Duration;
