//! How each kind of figure is taken that the gateway is not asked for, too: one file for each.

pub(crate) mod bandwidth;
pub(crate) mod bulk;
pub(crate) mod control;
pub(crate) mod idle;
pub(crate) mod latency;
