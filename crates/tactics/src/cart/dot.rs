//! Names of single changes, so that two replicas can say which of them they have seen.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Who makes changes: a node, for as long as it remembers what it did.
///
/// A node that starts from a state that may be older than what it told others must take a new
/// incarnation: the number of a change would name two changes otherwise, and one of them be lost.
/// It is never a browser or a session: a version vector grows with everyone who ever wrote.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "(u16, u32)", from = "(u16, u32)")]
pub struct ReplicaId {
    /// The node.
    pub node: u16,
    /// Which life of it.
    pub incarnation: u32,
}

/// The largest number that a stored or sent cart may name. Nobody makes so many changes; without a
/// bound a single message could leave a replica no number for its next one.
pub const COUNTER_MAX: u64 = 1 << 56;

/// One change of one replica. They are numbered from 1, without a gap.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "(ReplicaId, u64)", from = "(ReplicaId, u64)")]
pub struct Dot {
    /// Who made it.
    pub replica: ReplicaId,
    /// Its number.
    pub counter: u64,
}

impl From<(u16, u32)> for ReplicaId {
    fn from((node, incarnation): (u16, u32)) -> Self {
        Self { node, incarnation }
    }
}

impl From<ReplicaId> for (u16, u32) {
    fn from(replica: ReplicaId) -> Self {
        (replica.node, replica.incarnation)
    }
}

impl From<(ReplicaId, u64)> for Dot {
    fn from((replica, counter): (ReplicaId, u64)) -> Self {
        Self { replica, counter }
    }
}

impl From<Dot> for (ReplicaId, u64) {
    fn from(dot: Dot) -> Self {
        (dot.replica, dot.counter)
    }
}

impl fmt::Display for ReplicaId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.node, self.incarnation)
    }
}

impl fmt::Display for Dot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}#{}", self.replica, self.counter)
    }
}
