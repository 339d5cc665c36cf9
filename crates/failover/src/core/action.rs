//! What goes into a core and what comes out of it.

use super::Moment;
use super::cover::Cover;
use super::node::NodeId;
use super::position::Position;
use super::record::{Cause, Record};
use super::refusal::RefusalKind;
use super::sighting::{Routing, Sighting};
use crate::actuator::wire::Rejoining;

/// Names one thing that was asked for, so that its result finds back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Ticket(pub(super) u64);

/// What a core is told.
#[derive(Clone, Debug)]
pub enum Input {
    /// Time has passed.
    Tick,
    /// A server was looked at.
    Seen {
        node: NodeId,
        sighting: Sighting,
    },
    /// The connection that was held to it ended.
    Lost {
        node: NodeId,
    },
    /// A tiny write to the primary, begun then, succeeded or did not.
    Wrote {
        node: NodeId,
        began: Moment,
        is_ok: bool,
    },
    /// The router was looked at.
    RouterSeen(Routing),
    /// So many sessions of clients went through the router then.
    Sessions {
        began: Moment,
        count: u32,
    },
    /// What was asked for is done, or is known not to happen any more.
    Done {
        ticket: Ticket,
        outcome: Outcome,
    },
    Command(Command),
}

/// What an operator may ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command {
    /// Make another node primary, without loss.
    Switchover { to: NodeId },
    /// Make a replica primary although acknowledged writes may be lost by that.
    PromoteWithDataLoss { to: NodeId },
    /// Bring a node that is out back, now.
    Reintegrate { node: NodeId },
}

/// How something ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    Done,
    /// Proved dead, and how.
    Fenced(String),
    /// Receives nothing any more, and holds this.
    Sealed(Position),
    Rejoined(Rejoining),
    /// It has taken effect or never will: which of both has to be seen.
    Failed(String),
}

/// What a core asks for. Everything with a ticket is answered by [`Input::Done`], exactly once,
/// unless the watchdog dies.
#[derive(Clone, Debug)]
pub enum Action {
    /// Put it on disk. Done means: it survives.
    Journal { ticket: Ticket, record: Record },
    /// Look at this node at once.
    Probe { node: NodeId },
    /// Send connections there, and end those that go elsewhere.
    Route { ticket: Ticket, routing: Routing },
    /// Do something with a node.
    Order { ticket: Ticket, order: Order },
    /// Tell the world.
    Report(Event),
}

/// What is done with a node: its process by an actuator, its contents by SQL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// Prove it dead. Answers [`Outcome::Fenced`].
    Fence(NodeId),
    /// The same of one that nobody uses any more: stopped in order, where that is worth its time.
    /// Answers [`Outcome::Fenced`].
    Retire(NodeId),
    /// Do what a stop would take time for, while clients are served on.
    Prepare(NodeId),
    /// Start it, to follow `follow`.
    Start { node: NodeId, follow: Option<NodeId> },
    /// Start it as the primary that it was.
    Restart(NodeId),
    /// Make it a replica of `from`. Answers [`Outcome::Rejoined`].
    Rejoin { node: NodeId, from: NodeId },
    /// Let commits wait for these replicas. Done means: it is in force for every commit from now
    /// on.
    Enforce { node: NodeId, cover: Cover },
    /// Receive nothing more, and tell what there is. Answers [`Outcome::Sealed`].
    Seal(NodeId),
    /// Take writes. Done means: it does. Done already is done.
    Promote(NodeId),
}

/// A fact for the log and for whoever watches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    pub kind: EventKind,
    pub node: NodeId,
    pub epoch: u64,
    pub detail: String,
    /// What is refused, when that is what happened.
    pub refusal: Option<RefusalKind>,
}

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum EventKind {
    /// The primary is seen to have failed.
    Detected,
    /// A switchover has waited for the last client and for the replica.
    Drained,
    /// A node is proved dead.
    Fenced,
    /// A node takes writes as primary of the epoch.
    Promoted,
    /// Clients are sent to it.
    Switched,
    /// An old primary is a replica again.
    Rejoined,
    /// A replica is sure to hold every acknowledged write.
    InSync,
    /// A replica is not counted on any more.
    Dropped,
    /// The primary was started again, because nobody may take its place.
    Restarted,
    /// The watchdog will not do what one might expect, and why.
    Refused,
}

impl Order {
    pub fn node(&self) -> NodeId {
        match self {
            Self::Fence(node)
            | Self::Retire(node)
            | Self::Prepare(node)
            | Self::Restart(node)
            | Self::Seal(node)
            | Self::Promote(node) => *node,
            Self::Start { node, .. } | Self::Rejoin { node, .. } | Self::Enforce { node, .. } => {
                *node
            }
        }
    }

    /// Is it about the process, and so the actuator's?
    pub fn is_of_process(&self) -> bool {
        match self {
            Self::Fence(_)
            | Self::Retire(_)
            | Self::Start { .. }
            | Self::Restart(_)
            | Self::Rejoin { .. } => true,
            Self::Prepare(_) | Self::Enforce { .. } | Self::Seal(_) | Self::Promote(_) => false,
        }
    }
}

impl EventKind {
    /// The word in an event line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Detected => "detected",
            Self::Drained => "drained",
            Self::Fenced => "fenced",
            Self::Promoted => "promoted",
            Self::Switched => "switched",
            Self::Rejoined => "rejoined",
            Self::InSync => "insync",
            Self::Dropped => "dropped",
            Self::Restarted => "restarted",
            Self::Refused => "refused",
        }
    }
}

impl Cause {
    /// The word in an event line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Beginning => "beginning",
            Self::Gone => "gone",
            Self::Hung => "hung",
            Self::Unready => "unready",
            Self::CannotWrite => "cannot-write",
            Self::Switchover => "switchover",
            Self::DataLossAllowed => "data-loss-allowed",
        }
    }
}
