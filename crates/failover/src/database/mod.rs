//! A database server as its watchdog uses it: looked at, written to a little, opened and closed.
//!
//! An adapter speaks SQL and nothing else; what happens to processes is the actuator's. Every call
//! is given a deadline by the watchdog, and may be dropped there.

pub mod mysql;
pub mod postgres;

use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;

use crate::core::{Cover, NodeId, Position, Report, Seen};

/// What a call answers later.
pub type Asking<'a, T> = Pin<Box<dyn Future<Output = Result<T, DatabaseError>> + Send + 'a>>;

/// One server of a cluster.
pub trait Database: Send + Sync + std::fmt::Debug {
    /// Opens a new connection, as a client would.
    fn connect(&self) -> Asking<'_, Box<dyn Session>>;

    /// Lets commits wait for the replicas of `cover`. `Ok` means that it is in force for every
    /// commit from now on; an error, that it has taken effect or never will: what was begun by an
    /// earlier call, or by an earlier watchdog, is ended first.
    fn enforce(&self, cover: Cover) -> Asking<'_, ()>;

    /// Does what would make a stop in order slow, while it serves on: writes down what is in
    /// memory, where a stop does.
    fn prepare(&self) -> Asking<'_, ()> {
        Box::pin(async { Ok(()) })
    }

    /// Waits until a replica receives nothing more, or makes it so; answers what it holds.
    fn seal(&self) -> Asking<'_, Position>;

    /// Makes it take writes, and waits until it does. Nothing to do is done.
    fn promote(&self) -> Asking<'_, ()>;
}

/// A connection to a server.
pub trait Session: Send + std::fmt::Debug {
    /// What the server says of itself.
    fn report(&mut self) -> Asking<'_, Report>;

    /// The same with clients that are busy, where that costs more: asked while a switchover waits
    /// for them.
    fn report_with_clients(&mut self) -> Asking<'_, Report> {
        self.report()
    }

    /// A tiny durable write, which waits for no replica and tells the epoch to whoever reads it.
    fn beat(&mut self, epoch: u64) -> Asking<'_, ()>;

    /// Completes when the connection has ended. May be dropped and asked for again.
    fn ended(&mut self) -> Pin<Box<dyn Future<Output = ()> + Send + '_>>;
}

/// Why a server could not be asked. The kinds are what a watchdog tells apart.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DatabaseError {
    #[error("nobody listens at {address}")]
    Refused { address: String },
    #[error("{address} took the connection and closed it")]
    Closed { address: String },
    #[error("{address} serves nobody yet: {answer}")]
    Unready { address: String, answer: String },
    #[error("{address} lets nobody more in: {answer}")]
    Busy { address: String, answer: String },
    #[error("{address} did not do it: {problem}")]
    Failed { address: String, problem: String },
    #[error("{address} did not answer in time")]
    Silent { address: String },
}

impl DatabaseError {
    /// What the error shows of the server, when a look at it ended so.
    pub fn seen(&self) -> Seen {
        match self {
            Self::Refused { .. } => Seen::Refused,
            Self::Closed { .. } => Seen::Closed,
            Self::Unready { .. } => Seen::Unready,
            // It let us in and understood us: whatever it lacks, it lives.
            Self::Busy { .. } | Self::Failed { .. } => Seen::Busy,
            Self::Silent { .. } => Seen::TimedOut,
        }
    }
}

/// The members of a cluster by their names and addresses: how adapters translate what servers say.
#[derive(Clone, Debug)]
pub struct Members(Vec<(String, SocketAddr)>);

impl Members {
    /// The members in the order of their numbers.
    pub fn new(members: Vec<(String, SocketAddr)>) -> Self {
        Self(members)
    }

    pub fn name(&self, node: NodeId) -> &str {
        &self.0[node.index()].0
    }

    pub fn address(&self, node: NodeId) -> SocketAddr {
        self.0[node.index()].1
    }

    pub fn names(&self) -> Vec<String> {
        self.0.iter().map(|(name, _)| name.clone()).collect()
    }

    /// The member that is called so.
    pub fn named(&self, name: &str) -> Option<NodeId> {
        self.0.iter().position(|(own, _)| own == name).map(NodeId::new)
    }

    /// The member that listens there.
    pub fn at(&self, host: &str, port: u16) -> Option<NodeId> {
        let is_there = |address: &SocketAddr| {
            let own = address.ip().to_string();
            address.port() == port && (own == host || (host == "localhost" && own == "127.0.0.1"))
        };
        self.0.iter().position(|(_, address)| is_there(address)).map(NodeId::new)
    }
}
