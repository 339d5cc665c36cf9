//! The services behind the gateway: their instances and connections, and what stands between them
//! and a request: bulkhead, breaker, the choice of an instance, and a timeout.

mod answer;
mod calling;
mod circuit;
mod connection;
mod failure;
mod instance;
mod request;
mod selection;

pub(super) use answer::{Answer, Reply};
pub(super) use calling::{Limits, Upstream, UpstreamError};
pub(super) use circuit::name as cause_name;
pub(super) use failure::Failure;
pub(super) use request::{Ask, Attempt};
