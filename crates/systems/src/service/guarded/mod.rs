//! A database and a cache that a service can do without for a while: each behind its breaker, with
//! calls that are bounded in number and time, and the copies that are served meanwhile.

pub(crate) mod cache;
pub(crate) mod database;
pub(crate) mod dependency;
pub(crate) mod entry;
mod pending;
