//! Nodes of a cluster by number, and sets of them: small and `Copy`, so that a million simulated
//! failovers fit into a minute. Names stand in the configuration and in the journal's file.

use serde::{Deserialize, Serialize};

/// A cluster has no more nodes than a [`NodeSet`] has bits.
pub const NODES_MAX: usize = 16;

/// One database server: its place in the configured list.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
)]
#[serde(transparent)]
pub struct NodeId(u8);

impl NodeId {
    /// The node at `index`.
    ///
    /// # Panics
    /// When `index` is [`NODES_MAX`] or more.
    pub fn new(index: usize) -> Self {
        assert!(index < NODES_MAX, "a cluster has fewer than {NODES_MAX} nodes");
        Self(index as u8)
    }

    pub fn index(self) -> usize {
        usize::from(self.0)
    }
}

/// Some nodes of a cluster.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(from = "Vec<NodeId>", into = "Vec<NodeId>")]
pub struct NodeSet(u16);

impl NodeSet {
    pub const EMPTY: Self = Self(0);

    pub fn one(node: NodeId) -> Self {
        Self(1 << node.0)
    }

    /// The first `count` nodes.
    pub fn first(count: usize) -> Self {
        (0..count).map(NodeId::new).collect()
    }

    pub fn contains(self, node: NodeId) -> bool {
        self.0 & (1 << node.0) != 0
    }

    #[must_use]
    pub fn with(self, node: NodeId) -> Self {
        Self(self.0 | (1 << node.0))
    }

    #[must_use]
    pub fn without(self, node: NodeId) -> Self {
        Self(self.0 & !(1 << node.0))
    }

    #[must_use]
    pub fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// What is here and not in `other`.
    #[must_use]
    pub fn minus(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    pub fn len(self) -> usize {
        self.0.count_ones() as usize
    }

    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    pub fn iter(self) -> impl Iterator<Item = NodeId> {
        (0..NODES_MAX as u8).map(NodeId).filter(move |node| self.contains(*node))
    }
}

impl FromIterator<NodeId> for NodeSet {
    fn from_iter<I: IntoIterator<Item = NodeId>>(nodes: I) -> Self {
        nodes.into_iter().fold(Self::EMPTY, Self::with)
    }
}

impl From<Vec<NodeId>> for NodeSet {
    fn from(nodes: Vec<NodeId>) -> Self {
        nodes.into_iter().collect()
    }
}

impl From<NodeSet> for Vec<NodeId> {
    fn from(nodes: NodeSet) -> Self {
        nodes.iter().collect()
    }
}

impl std::fmt::Debug for NodeSet {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.iter().map(NodeId::index)).finish()
    }
}
