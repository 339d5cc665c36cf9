//! A bulkhead: a bound on how many calls of one kind run and wait at once.
//!
//! **Why.** A database does its work fastest with a few queries at a time. Five hundred at once all
//! finish late, each holds a connection and memory meanwhile, and everything that shares the
//! machine drowns with them.
//!
//! **When to use.** Around each kind of work that has its own capacity: reads, writes, reports. The
//! queue is short, since whoever waits long is not helped by an answer.
//!
//! **Overload.** A queue that starts its waiters in their last millisecond does all of its work in
//! vain: every call is begun, none is finished in time. So the queue learns how long a call holds
//! its place, refuses at once who would get his too late, and passes over waiters who have too
//! little time left.
//!
//! **When not.** Around calls that are cheap and never queue, such as a cache lookup.
//!
//! **What it costs.** A lock per call; refusals at a peak that a longer queue would have absorbed.

mod pace;
mod seats;
mod state;

pub use seats::{Bulkhead, Seat};
pub use state::{Asked, Limits, Queue, Refused, WaiterId};
