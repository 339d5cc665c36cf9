//! Sharding: on which server a key lies, and how it gets to another one while it is in use.
//!
//! **Why.** One server holds, writes and vacuums only so much. Several hold more, and one that
//! fails takes a part with it, not all. Then somebody has to know which part lies where; and that
//! changes, since the third year needs more servers than the first.
//!
//! **When to use.** When one primary's writes or size are the limit, and nearly every request names
//! the key by which data is divided: a user, a tenant, an order.
//!
//! **When not.** For more reads (take replicas, [`crate::replica_router`]); for joins and
//! transactions over all data: each of them becomes a distributed one. Before a larger machine was
//! looked at.
//!
//! **What it costs.** A lookup of nanoseconds; and for ever, that each query is either for one
//! shard or for all of them.
//!
//! # Which placement
//!
//! | | state | lookup | what moves when the 17th comes | weights |
//! |---|---|---|---|---|
//! | [`Modulo`] | none | a hash | 94 %, nearly all | no |
//! | [`ConsistentHash`] | thousands of points per shard | a hash, 1 or 2 steps | about 1/17 | yes |
//! | [`Rendezvous`] | none | a hash per shard | 1/17 | yes |
//! | [`SlotMap`] | the map, with an epoch | a hash, one load | 1/17 | yes |
//!
//! The first three are *functions* of the list of shards. When the list changes, the function
//! changes at once for all keys, and the rows do not: a ring tells where rows should lie, and moves
//! none of them. That is right for caches, where what is not found is loaded again. For a database
//! somebody has to copy rows, while some keys are here and others already there, and no function of
//! the list can say so. A slot map can: it is data. Each of its slots (as Redis Cluster's 16,384,
//! or the virtual partitions of Dynamo's strategy 3, DeCandia et al., SOSP 2007) is moved on its
//! own, is marked while it is on its way, and changes its owner in an epoch that everybody can
//! compare.
//!
//! # A move
//!
//! 1. [`Change::Join`] or [`Change::Weigh`] says what should be; [`SlotMap::plan`] which moves make
//!    it so: never more than needed, the same for everybody who asks.
//! 2. [`Change::Start`] marks some of them. The old owner serves, its rows are copied and changes
//!    follow.
//! 3. When the copy is near enough, the old owner refuses writes of these slots for a moment, the
//!    rest is applied, and [`Change::Finish`] gives the slots to the new one. If it takes too long,
//!    [`Change::Abort`].
//! 4. [`Change::Leave`] when a shard is empty.
//!
//! Each change is the map of the next epoch, which replaces the current one only if nobody else was
//! first ([`Published`]). Requests carry the epoch by which they were routed, and a shard answers
//! them by [`SlotMap::judge`], so that a router that is late is told so and writes nothing to the
//! old owner. The map cannot do one thing: an old owner that has not heard of the new epoch would
//! still serve. So [`Change::Finish`] may be published only once the old owner has *confirmed* that
//! it refuses these slots.
//!
//! ```
//! use standfast_tactics::shard::{Change, Key, Placement, Published, ShardId, Shards, SlotMap};
//!
//! let mut published = Published::new(SlotMap::try_new(Shards::try_new(1..=4)?, 4096)?);
//! let joined = published.current().after(&Change::Join(ShardId(5).into()))?;
//! published.swap(joined)?;
//! let moves = published.current().plan();
//! assert_eq!(moves.len(), 4096 / 5, "and not one more");
//! let key = Key::from("user 17");
//! let before = published.current().shard_of(key);
//! published.swap(published.current().after(&Change::Start(moves.clone()))?)?;
//! assert_eq!(published.current().shard_of(key), before, "it has not arrived");
//! let slots = moves.iter().map(|one| one.slot).collect();
//! published.swap(published.current().after(&Change::Finish(slots))?)?;
//! assert!(published.current().plan().is_empty());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # The stored form
//!
//! As JSON: `{"hash": "fnv1a-splitmix64", "epoch": 1, "slots": 16, "shards": [{"shard": 1,
//! "weight": 1}, …], "owners": [{"first": 0, "last": 7, "shard": 1}, …], "moving": [{"slot": 7,
//! "from": 1, "to": 2}]}`. What does not fit together is refused when it is read.

mod figures;
mod form;
mod key;
mod logarithm;
mod modulo;
mod placement;
mod plan;
mod published;
mod rendezvous;
mod ring;
mod shards;
mod state;

pub use figures::{Movement, Spread, movement, spread};
pub use key::{HASH, Key};
pub use modulo::Modulo;
pub use placement::Placement;
pub use plan::Move;
pub use published::{Conflict, Published};
pub use rendezvous::Rendezvous;
pub use ring::{ConsistentHash, RingError};
pub use shards::{Member, ShardId, Shards, ShardsError};
pub use state::{Change, Epoch, MapError, Slot, SlotMap, Verdict};
