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
//! What is exact here, since others are not: the window is a ring of the last calls, so a long good
//! past never delays the opening; a result belongs to the generation in which its call was admitted
//! and is otherwise ignored; a probe that is abandoned gives its permit back; and no state,
//! half-open included, can last for ever.

mod policy;
mod shared;
mod state;
mod window;

pub use policy::{Policy, PolicyError};
pub use shared::{Permit, SharedBreaker};
pub use state::{
    Admission, Cause, CircuitBreaker, Mode, Outcome, Rejection, State, Ticket, Transition,
};
