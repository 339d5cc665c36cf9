//! A circuit breaker: stop asking a dependency that fails, and find out when it is back.
//!
//! **Why.** A dependency that hangs costs each caller its whole timeout, and with it a connection,
//! a task and memory: the failure climbs up. A breaker turns the wait into an immediate refusal,
//! for which the caller has a fallback, and gives the dependency the quiet that it needs to
//! recover.
//!
//! **When to use.** Around each call to one dependency, with the timeout *inside*: a call that was
//! cut off outside of the breaker is one that it never learns about.
//!
//! **When not.** Around the cache lookup together with the load behind it, for the breaker would
//! also refuse what the cache could answer; or as the only protection against overload
//! ([`crate::bulkhead`]).
//!
//! **What it costs.** A lock per call; refused calls during the break that might have
//! succeeded; and a wrongly set one turns a hiccup into an outage.
//!
//! What is exact here, since others are not:
//!
//! - The window is a ring of the last calls, or ten buckets of the last while: a long good past
//!   never delays the opening, and a record costs the same however long the window is.
//! - Half-open counts by itself, by both rates, and its probes are bounded; a probe that is ignored
//!   or abandoned gives its permit back; and no state, half-open included, can last for ever.
//! - A result belongs to the generation in which its call was admitted. After a change of state it
//!   is late, is counted as that, and changes nothing.
//! - Breaks grow while they follow each other, are jittered, and start afresh after one full
//!   healthy window.
//! - It may be forced open, disabled, or left to tell without refusing ([`Mode`]).
//!
//! How it goes about that can be chosen ([`Options`]): a window of calls or of time, probes or a
//! ramp, and what calls tell that nobody waited for.

mod keyed;
mod options;
mod outcome;
mod policy;
mod shared;
mod state;
mod trial;
mod window;

pub use keyed::{KeyRejection, KeyedBreakers};
pub use options::{Abandoned, Judged, Options, Ramp, Recovery, Undecided};
pub use outcome::{
    Admission, Cause, Counts, Mode, Outcome, Recent, Rejection, State, Ticket, Transition,
};
pub use policy::{Policy, PolicyError};
pub use shared::{Permit, SharedBreaker};
pub use state::CircuitBreaker;
