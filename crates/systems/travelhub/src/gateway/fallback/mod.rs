//! What users get when a service does not answer: what it said last, or a stand-in that says so.

mod last_good;
mod stand_in;

pub(super) use last_good::LastGood;
pub(super) use stand_in::{empty_list, graded, nothing_known, page, stale};
