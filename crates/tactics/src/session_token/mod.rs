//! A token that lets a client read its own writes from a replica.
//!
//! **Why.** After a write to the primary, a replica may show the old value for a while. Whoever has
//! just saved a change and sees the old page saves it again, or calls.
//!
//! **When to use.** The write answers its position in the log; the client sends it with later
//! reads; a copy, a cache or a replica, may answer only when it has come that far.
//!
//! **When not.** Readers who did not write: a token for everybody makes every read wait for the
//! slowest replica.
//!
//! **What it costs.** A header, and for the few reads right after a write a short wait or a read of
//! the primary.

mod state;

pub use state::{LogPosition, PositionError};
