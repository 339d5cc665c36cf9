//! What clients and the lab saw during a run, as plain records in JSON lines.
//!
//! A history is the only thing a checker may look at: if a fact is not in it, no verdict can rest
//! on it. Operations are written by the load generator, one for every attempt that was *intended*,
//! sent or not; events are written by the lab, its supervisor and the services under test. What the
//! lab reads before and after the load, to learn what is really there, is a [`FinalRead`]. How busy
//! the machine was with other things is a [`MachineSample`].
//!
//! All times are microseconds since the start of the run, on one monotonic clock.

mod event;
mod final_read;
mod jsonl;
mod machine;
mod operation;

pub use event::Event;
pub use final_read::{FinalRead, Row};
pub use jsonl::{HistoryError, read_jsonl, write_jsonl};
pub use machine::MachineSample;
pub use operation::{ErrorKind, Operation, Outcome};
