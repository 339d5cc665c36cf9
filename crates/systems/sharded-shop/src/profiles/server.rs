//! One server of the core, as far as it is read as a replica, with the sessions that are kept.

use std::sync::{Mutex, PoisonError};

use tokio_postgres::Config;

use crate::service::sessions::{DatabaseError, PostgresSession, Session};

/// More sessions are closed when they are given back.
const IDLE_MAX: usize = 16;

/// A server that may be a replica, by its name in `system.toml`.
pub(super) struct Server {
    pub(super) name: String,
    address: Config,
    idle: Mutex<Vec<PostgresSession>>,
}

impl Server {
    pub(super) fn new(name: String, address: Config) -> Self {
        Self { name, address, idle: Mutex::default() }
    }

    /// A session; one that is not given back is closed.
    pub(super) async fn session(&self) -> Result<PostgresSession, DatabaseError> {
        while let Some(session) = self.take() {
            if !session.is_closed() {
                return Ok(session);
            }
        }
        PostgresSession::open(&self.address).await
    }

    /// Nothing is under way on it.
    pub(super) fn give_back(&self, session: PostgresSession) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < IDLE_MAX {
            idle.push(session);
        }
    }

    fn take(&self) -> Option<PostgresSession> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop()
    }
}

impl std::fmt::Debug for Server {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The address has a password.
        formatter.debug_struct("Server").field("name", &self.name).finish_non_exhaustive()
    }
}
