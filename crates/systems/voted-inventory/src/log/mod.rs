//! The log that all services share: what is in it, and how it is written and read.
//!
//! Topic `orders` has one partition, hence one order, and an offset in it is the version of
//! everything. The two others are for answers and for what could not be applied.

mod message;

pub(crate) use message::{Event, Kind, Outcome, Refusal, Reply};
