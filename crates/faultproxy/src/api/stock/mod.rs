//! Toxiproxy's operations: what 2.12.0 answers, without what it answers by mistake.
//!
//! Left out on purpose: the empty `Logger` object of each proxy, which 2.12 leaks and clients
//! ignore.
//! Different on purpose: a change that is refused changes nothing, where Toxiproxy stops the proxy
//! when its new port is busy, and keeps the attributes that came before the wrong one.

mod decode;
mod documents;
mod operate;
mod refused;

pub(super) use operate::operate;
