//! A cart that every node may change at any time, and that comes out the same everywhere.
//!
//! **Why.** A shop that cannot put things into carts sells nothing, so that a cart has to take
//! writes on every node, on both sides of a partition. Afterwards nothing that was put in may be
//! missing, and nothing that was taken out may be back. "The last write wins" loses additions
//! ([`LastWriterCart`] is here to show it), and maps of counters, which look like the right type,
//! do not even converge when a removal meets an addition.
//!
//! **When to use.** For carts, wish lists, drafts: what belongs to one person, is added to more
//! than it is removed from, and is checked again before it counts.
//!
//! **When not.** For stock, seats or money: nothing here can refuse. The checkout is where a cart
//! meets those; it takes [`Cart::contents`] as they are then, and shows what has changed.
//!
//! **What it costs.** 40 bytes or so for each addition until its line is set, emptied or removed; a
//! number for each node that ever wrote. No tombstones, and no clock.
//!
//! # What it means
//!
//! Each change is a [`Dot`], numbered by the replica that made it. A line holds the dots that were
//! put in, and what was seen is a [`CausalContext`]. A dot that is seen and not held was removed.
//!
//! | change | effect on what its replica has seen | beside a change that neither has seen |
//! |---|---|---|
//! | `add n` | n more | counts in any case, in full |
//! | `take n` | n fewer, from certain additions | both count; at most what was there is gone |
//! | `set n` | n instead | the larger of two settings counts ([`Cart::rivals`] has all) |
//! | `remove` | none | what it has not seen stays, with its own units only |
//!
//! Units that were taken hang on the addition that they were taken from. That is what makes
//! quantities safe: were they a counter of their own, a removal that meets a `take` would leave a
//! debt, and the next addition would vanish in it. And additions are never folded into one, though
//! that would be smaller: a removal that has seen only some of them would bring all of them back.
//!
//! # Why it converges
//!
//! Kind and units of a dot never change, and what was taken from it only grows. A merge keeps a dot
//! if both hold it, or if one holds it and the other has not seen it; seen is seen by either. For a
//! dot each replica is so in one of three states, not seen, held, removed, of which a merge takes
//! the later one: a maximum, as is the union of what was taken. Maxima are associative,
//! commutative and idempotent, so that order, repetition and grouping of messages change nothing.
//!
//! What a change returns is a cart that holds this change alone. Send it at once, and let
//! [`anti_entropy`](crate::anti_entropy) find what got lost on the way.
//!
//! ```
//! use standfast_tactics::cart::{Cart, ReplicaId};
//!
//! let [here, there] = [1, 2].map(|node| ReplicaId { node, incarnation: 1 });
//! let mut left = Cart::default();
//! left.add(here, &"tea", 2)?;
//! let mut right = left.clone();
//!
//! // The network is cut. One side removes the tea while the other adds to it.
//! left.remove(&"tea");
//! right.add(there, &"tea", 1)?;
//! right.add(there, &"milk", 1)?;
//!
//! left.merge(&right);
//! right.merge(&left);
//! assert_eq!(left, right);
//! assert_eq!(left.quantity(&"tea"), 1, "the addition that the removal had not seen");
//! assert_eq!(left.quantity(&"milk"), 1);
//! # Ok::<(), standfast_tactics::cart::CartError>(())
//! ```
//!
//! Sources: observed-remove sets without tombstones (Bieniusa et al., arXiv 1210.3368), delta
//! states (Almeida, Shoker, Baquero, arXiv 1603.01529), dotted version vectors (Preguiça et al.,
//! arXiv 1011.5808).

mod context;
mod dot;
mod last_writer;
mod line;
mod state;
mod wire;

pub use context::CausalContext;
pub use dot::{COUNTER_MAX, Dot, ReplicaId};
pub use last_writer::LastWriterCart;
pub use state::{Cart, CartError, ENTRIES_MAX};
