//! A guard that keeps reads away from a replica that is too far behind.
//!
//! **Why.** A replica that has fallen behind answers quickly and wrongly. Nothing fails, so no
//! breaker opens. And bytes of log do not tell: 16 MB may be a second's work or an hour's.
//!
//! **When to use.** Wherever reads go to a replica and have a bound on staleness. The service
//! writes a heartbeat to the primary a few times a second and looks which one the replica shows.
//!
//! **When not.** To keep a promise to one session: that is [`crate::session_token`]'s work.
//!
//! **What it costs.** A small write and a small read per interval and instance.
//!
//! **What it does not confuse.** While the primary is away no heartbeat is acknowledged, and the
//! replica that shows the last one is up to date: nothing newer exists. Comparing the heartbeat's
//! age with the clock would call it stale and take the reads down together with the primary.

mod state;

pub use state::{Policy, ReplicaGuard};
