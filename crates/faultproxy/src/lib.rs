//! A TCP proxy that breaks connections on purpose: in the lab's own process, as a server that
//! speaks Toxiproxy's HTTP API, and as a typed client of such a server.
//!
//! * [`toxic`]: what can be done to the bytes of one direction, one file per toxic.
//! * `link`: the chain of toxics of one direction of one connection, as a pure state machine.
//! * `plane`: the threads that move bytes, and one future per connection.
//! * `proxy`: the collection, [`FaultProxy`]: what is called.
//! * [`api`]: the HTTP interface, Toxiproxy's and ours; [`client`]: calls it; [`config`]: the file
//!   of proxies that it starts with.

pub mod api;
pub mod client;
pub mod config;
pub mod toxic;

mod link;
mod metrics;
mod plane;
mod proxy;

pub use link::TallySnapshot;
pub use proxy::{
    Adoption, Counters, FaultProxy, Flow, Options, PopulateError, ProxyChange, ProxyDeclaration,
    ProxyError, ProxyView, StartError, ToxicChange, ToxicView,
};
