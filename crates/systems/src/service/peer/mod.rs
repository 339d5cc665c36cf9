//! Calls to another service over HTTP: connections that are kept, bounded in number and in time.
//!
//! Who calls decides what a failure means; nothing is retried here but what cannot have arrived.

mod address;
mod connection;
mod pool;

pub(crate) use address::PeerAddress;
pub(crate) use pool::{Call, CallError, Peer, PeerLimits, Response, own_pause};
