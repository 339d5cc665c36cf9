//! What only this proxy can do, below `/standfast/v1/`: proxies made with their toxics or not at
//! all, toxics for some clients or at some times, counters, resets of live connections.
//!
//! Unknown keys are errors, and errors are `application/problem+json`.

mod operate;

pub(super) use operate::operate;
