//! What two nodes send each other to find where they differ.

use serde::{Deserialize, Serialize};

use super::digest::Digest;

/// Children of each inner node.
pub const FAN_OUT: usize = 16;
/// Inner nodes in one message: 8 KiB of digests.
pub const NODES_MAX: usize = 32;
/// Keys in one message, leaves that it shows, and keys that one message has repaired.
pub const KEYS_MAX: usize = 256;

/// One message. It says all that is needed to answer it: nobody keeps a session, so that any may
/// be lost, come twice or come late.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message<K> {
    /// Levels below the root, the same on all nodes.
    pub depth: u8,
    /// Number of the round, which its beginner counts. What is too much for one round begins at
    /// another place in the next.
    pub turn: u32,
    /// How it looks at the sender.
    pub view: View<K>,
}

/// A part of the sender's tree.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum View<K> {
    /// Inner nodes of one level, by their children.
    Nodes {
        /// 0 is the root.
        level: u8,
        /// Up to [`NODES_MAX`] of them.
        nodes: Vec<Node>,
    },
    /// Keys themselves.
    Leaves(Vec<Leaf<K>>),
}

/// An inner node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Node {
    /// Its place in its level.
    pub place: u32,
    /// Digests of its children.
    pub children: [Digest; FAN_OUT],
}

/// All that the sender has in one leaf, or in a part of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Leaf<K> {
    /// Its place.
    pub place: u32,
    /// Only keys after this one.
    pub after: Option<K>,
    /// Only keys up to this one.
    pub through: Option<K>,
    /// Every key there, and the digest of its value, by key.
    pub entries: Vec<(K, Digest)>,
}

/// What comes of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer<K> {
    /// To be sent back; nothing when both agree, or when the keys are found.
    pub reply: Option<Message<K>>,
    /// Keys in which the two nodes differ: exchange their values, and merge.
    pub repair: Vec<K>,
}

/// Why a message cannot be answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MessageError {
    /// The other node has another tree.
    #[error("a tree of {theirs} levels cannot be compared with one of {ours}")]
    OtherDepth {
        /// Levels here.
        ours: u8,
        /// Levels there.
        theirs: u8,
    },
    /// It names a place that no tree of this depth has, or more places than allowed.
    #[error("the message names places that the tree does not have, or too many")]
    Malformed,
}
