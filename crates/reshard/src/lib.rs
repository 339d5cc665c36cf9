//! Moves slots between PostgreSQL shards while they are written to: no row lost, none doubled,
//! writers of the moving slots wait for a bounded moment, others not at all.
//!
//! Read `core` first: it decides, and knows neither sockets nor clocks. `coordinator` runs it, with
//! the `catalog` (the map of slots, the journal of moves, the lock of the one coordinator) and with
//! each `shard`, which refuses writes of slots that it does not own by itself.
//!
//! A sharded table has a column `slot`, which the application fills from its key and which is part
//! of the primary key. Slots, not keys, have owners.

pub mod catalog;
pub mod coordinator;
pub mod core;
mod session;
pub mod shard;

pub use session::{SqlError, with_causes};
