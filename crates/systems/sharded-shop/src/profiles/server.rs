//! One server of the core, as far as it is read as a replica, with the sessions that are kept.

use std::sync::{Mutex, PoisonError};

use standfast_tactics::deadline::Deadline;
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::timeout_at;
use tokio_postgres::Config;

use crate::service::sessions::{DatabaseError, PostgresSession, Session};

/// As many as the primary lends to requests. Two instances with that many, and all other services
/// beside them, stay below the hundred connections that a PostgreSQL server takes.
const SESSIONS_MAX: usize = 16;

/// A server that may be a replica, by its name in `system.toml`.
pub(super) struct Server {
    pub(super) name: String,
    address: Config,
    idle: Mutex<Vec<PostgresSession>>,
    places: Semaphore,
}

impl Server {
    pub(super) fn new(name: String, address: Config) -> Self {
        Self { name, address, idle: Mutex::default(), places: Semaphore::new(SESSIONS_MAX) }
    }

    /// The right to one more session for a request, if there is one before `deadline`.
    pub(super) async fn place(&self, deadline: Deadline) -> Option<SemaphorePermit<'_>> {
        timeout_at(deadline.instant(), self.places.acquire()).await.ok()?.ok()
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
        if idle.len() < SESSIONS_MAX {
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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::Instant;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn requests_beyond_the_bound_wait_for_a_place_until_their_deadline() {
        let server = Server::new("core-b".to_owned(), Config::new());
        let soon = || Deadline::after(Instant::now(), Duration::from_millis(10));
        let mut places = Vec::new();
        for _ in 0..SESSIONS_MAX {
            places.push(server.place(soon()).await.unwrap());
        }
        assert!(server.place(soon()).await.is_none());
        places.pop();
        assert!(server.place(soon()).await.is_some());
    }
}
