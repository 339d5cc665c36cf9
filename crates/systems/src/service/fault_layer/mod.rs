//! Faults inside of a service: answers that come late, fail by chance, or are wrong.
//!
//! Processes and links can be broken from outside, a lying replica cannot. So every service is
//! served through this layer, which does nothing unless the lab started the service with
//! `STANDFAST_FAULTS=true`: then it obeys a second port, to those who know the token of the run.
//! `/metrics` is never touched, or the lab could not measure what its own faults do.

mod control;
mod falsify;
mod kind;
mod layer;
mod misconduct;
mod state;
mod switch;

pub(crate) use control::Control;
pub(crate) use layer::Faulty;
pub(crate) use misconduct::{Committed, Misconduct};
