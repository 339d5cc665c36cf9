//! A database as a service sees it: there or away, and sessions that end with their work.
//!
//! The pool knows nothing of SQL; what a server speaks is a [`Session`].

mod error;
mod mysql;
mod pool;
mod postgres;

pub(crate) use error::DatabaseError;
pub(crate) use mysql::MysqlSession;
pub(crate) use pool::{Database, PoolOptions, away};
pub(crate) use postgres::PostgresSession;

use std::future::Future;

/// Sessions that one piece of work is tried on, when they end under it.
pub(crate) const TRIES_MAX: u32 = 4;

/// A connection to a database server that can run a transaction.
pub(crate) trait Session: Sized + Send + Sync + 'static {
    /// Where the server is, and who asks.
    type Address: Clone + Send + Sync + 'static;

    /// A new session.
    fn open(address: &Self::Address) -> impl Future<Output = Result<Self, DatabaseError>> + Send;

    /// Whether the server has hung up, as far as that is known without asking.
    fn is_closed(&self) -> bool;

    /// Asks whether the server answers and takes writes: a standby does not count as there.
    fn probe(&mut self) -> impl Future<Output = Result<(), DatabaseError>> + Send;

    /// Runs statements that have no parameters and no result.
    fn run(&mut self, sql: &'static str) -> impl Future<Output = Result<(), DatabaseError>> + Send;
}
