//! Anti-entropy: two nodes find the keys in which they differ, without sending them all.
//!
//! **Why.** Nodes that tell each other of changes lose some: a message is dropped, a node is away,
//! a partition heals. Sending everything again finds that out at the price of everything. A tree of
//! digests (a Merkle tree) finds it by sending digests along the branches that differ.
//!
//! **When to use.** Behind replication that may lose messages, for values that can be merged in any
//! order, such as a [`cart`](crate::cart). Every node begins a round with a random other one, every
//! second or so.
//!
//! **When not.** To fill a node that is new: copy it. Against nodes that lie: the digests are
//! quick, and not cryptographic. For values that cannot be merged: it says *that* two differ,
//! never who is right.
//!
//! **What it costs.** 16 bytes per leaf and per key; for each change of a value, one digest and an
//! addition on each level. A round between nodes that agree is one message of 256 bytes of digests.
//!
//! # A round
//!
//! [`Tree::begin`] shows the root's sixteen children; [`Tree::answer`] shows what lies below those
//! that differ, and so on in turns, down to keys. For n keys in leaves of eight that is
//! ⌈log₁₆(n / 8)⌉ + 1 messages, 5 for half a million. Then the caller exchanges the values of
//! [`Answer::repair`], and both sides merge.
//!
//! No message holds more than [`NODES_MAX`] nodes, or [`KEYS_MAX`] leaves or keys, and each is
//! answered from the tree as it is then: writes go on meanwhile, and a message that is lost
//! costs a round and nothing else. What does not fit is another round's: the window moves on
//! with the `turn`, so that keys which are written all the time cannot hide others for ever.
//!
//! ```
//! use standfast_tactics::anti_entropy::{Digest, Tree};
//!
//! let (mut left, mut right) = (Tree::for_keys(1_000), Tree::for_keys(1_000));
//! for tree in [&mut left, &mut right] {
//!     for number in 0..1_000 {
//!         tree.note(&format!("cart {number}"), Some(Digest::of(b"empty")));
//!     }
//! }
//! left.note(&"cart 7".to_owned(), Some(Digest::of(b"tea")));
//!
//! let (mut message, mut is_rights_turn, mut messages) = (left.begin(1), true, 1);
//! let repair = loop {
//!     let answer = if is_rights_turn { &right } else { &left }.answer(&message)?;
//!     let Some(reply) = answer.reply else { break answer.repair };
//!     (message, is_rights_turn, messages) = (reply, !is_rights_turn, messages + 1);
//! };
//! assert_eq!(repair, ["cart 7"]);
//! assert_eq!(messages, 3);
//! # Ok::<(), standfast_tactics::anti_entropy::MessageError>(())
//! ```
//!
//! Sources: Merkle (1987); DeCandia et al., "Dynamo" (2007), section 4.7.

mod digest;
mod message;
mod state;

pub use digest::Digest;
pub use message::{Answer, FAN_OUT, KEYS_MAX, Leaf, Message, MessageError, NODES_MAX, Node, View};
pub use state::Tree;
