//! Single flight: all who want the same thing at the same time share one run of the work.
//!
//! **Why.** When a popular copy expires, everyone who asks for it in the next 20 ms misses, and
//! each would send the same query. The database does the same work a thousand times, and is late
//! for all.
//!
//! **When to use.** In front of an expensive, idempotent load with a key. With `share_for` a result
//! also serves those who come a moment later: what protects a database while the cache in front of
//! it is away.
//!
//! **When not.** For writes; or when two callers may not see the same answer. Put into the key
//! whatever makes answers differ.
//!
//! **What it costs.** A lock and a map entry per miss. One slow run makes all its followers wait:
//! so each has a deadline of its own.
//!
//! The run is a task by itself. The caller that started it may be cancelled, and the others still
//! get their answer; waiting costs nothing until it is there.

mod flights;
mod state;

pub use flights::{CoalesceError, Coalescer, Shared, Wait};
pub use state::{FlightId, Join, Limits, Role, Table};
