//! What is seen of servers and of the router from outside. Nothing here is believed for longer than
//! it takes to look again.

use super::Moment;
use super::cover::Cover;
use super::node::{NodeId, NodeSet};
use super::position::Position;

/// What one look at a server showed.
#[derive(Clone, Debug)]
pub struct Sighting {
    /// When the look began: what it shows is at least as new.
    pub began: Moment,
    pub seen: Seen,
}

/// How a server answered on a *new* connection (but for the first). A held one would miss a server
/// that no longer lets anybody in.
#[derive(Clone, Debug)]
pub enum Seen {
    /// What it said on a connection that is held: news, but no sign that it lets anybody in.
    Heard(Report),
    Answered(Report),
    /// It answers that it serves nobody: starting, recovering, shutting down.
    Unready,
    /// It answers that it will not have us: too many connections. It lives.
    Busy,
    /// Nobody listens.
    Refused,
    /// It took the connection and closed it without an answer.
    Closed,
    /// No answer in time.
    TimedOut,
}

/// What a server says of itself.
#[derive(Clone, Debug)]
pub struct Report {
    /// Does it take writes of clients?
    pub is_writable: bool,
    /// A primary: what it has written. A replica: what it would have if it were promoted now.
    pub position: Position,
    /// A primary: which replicas a commit waits for; `None` when that cannot be expressed.
    pub enforced: Option<Cover>,
    /// A primary: who receives its log right now.
    pub followers: Vec<Follower>,
    /// A replica: whose log it receives right now.
    pub follows: Option<NodeId>,
    /// The newest epoch that a watchdog has written into the data.
    pub epoch: u64,
    /// Clients that are in a transaction or a statement; `None` when nobody asked.
    pub busy: Option<u32>,
}

/// A replica as its primary sees it.
#[derive(Clone, Debug)]
pub struct Follower {
    pub node: NodeId,
    /// What it has confirmed to be durable.
    pub flushed: Position,
    /// What of that a promotion would not have to wait for.
    pub applied: Position,
    /// Whether its confirmation releases commits.
    pub is_counted: bool,
}

/// Where a router sends new connections.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Routing {
    pub ready: NodeSet,
    /// New connections wait instead of being refused.
    pub is_paused: bool,
}

impl Follower {
    /// How much it has to apply before it can be promoted: bytes of log, or transactions.
    pub fn backlog(&self) -> Option<u64> {
        self.applied.behind(&self.flushed)
    }
}

impl Report {
    /// `node` among those that follow.
    pub fn follower(&self, node: NodeId) -> Option<&Follower> {
        self.followers.iter().find(|follower| follower.node == node)
    }
}
