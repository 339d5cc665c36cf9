//! How each kind of figure is taken: one file for each, and what a process costs.

pub(crate) mod bandwidth;
pub(crate) mod bulk;
pub(crate) mod control;
mod cost;
pub(crate) mod idle;
pub(crate) mod latency;
pub(crate) mod rate;
pub(crate) mod requests;
