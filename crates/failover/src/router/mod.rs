//! Who sends clients to the primary, as the watchdog commands it.

mod haproxy;

use std::future::Future;
use std::pin::Pin;

pub use haproxy::{HaProxy, RouterError};

use crate::core::Routing;

/// What a router answers later.
pub type Routed<'a, T> = Pin<Box<dyn Future<Output = Result<T, RouterError>> + Send + 'a>>;

/// Sends new connections to some nodes and to no others.
pub trait Router: Send + Sync + std::fmt::Debug {
    /// Makes it so: who is not ready any more also loses the connections that it has. Done means
    /// that the router was seen to do it.
    fn route(&self, routing: Routing) -> Routed<'_, ()>;

    /// What it does now.
    fn routing(&self) -> Routed<'_, Routing>;

    /// How many sessions of clients go through it to one of the nodes.
    fn sessions(&self) -> Routed<'_, u32>;
}
