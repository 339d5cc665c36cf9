//! A deadline that travels with the request.
//!
//! **Why.** A timeout for each call says nothing about the request: five calls of one second each
//! are five seconds, and the client has left after two. One point in time, fixed when the request
//! arrives and handed on with each call, bounds them all.
//!
//! **When to use.** On every request, from the first server to the last. It is what makes a hung
//! dependency look like a dead one.
//!
//! **When not.** Work that must end once it has begun (a compensation, a rebuild) is given its own.
//!
//! **What it costs.** A comparison per call, and answers that would have come just after the
//! deadline.

mod state;

pub use state::{Deadline, HEADER, HeaderError};
