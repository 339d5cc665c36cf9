//! One PostgreSQL server: its pool, its bulkheads, its breaker.
//!
//! Whatever happens to a call, its connection is either known to be idle or closed: a connection
//! with an unfinished query must not go back to the pool, or the next caller waits for that query.

use std::sync::Arc;
use std::time::Duration;

use deadpool_postgres::{Manager, ManagerConfig, Object, Pool, RecyclingMethod};
use standfast_tactics::bulkhead::{Bulkhead, Limits, Refused, Seat};
use standfast_tactics::circuit_breaker::{Outcome, Permit};
use standfast_tactics::deadline::Deadline;
use tokio::time::{Instant, timeout_at};
use tokio_postgres::NoTls;
use tokio_postgres::error::SqlState;

use super::dependency::Dependency;

/// Waiting reads for each running one: more would only wait past their deadlines.
const WAITING_PER_PLACE: usize = 16;

/// Writes are short; a few at once keep the log busy.
const WRITES_MAX: usize = 4;

/// Connections without a bulkhead: what the server allows, less what others need.
const CONNECTIONS_MAX: usize = 40;

/// How often a stock pool without deadlines tries to connect again.
const RECONNECT_EVERY: Duration = Duration::from_millis(100);

/// What a client is told when the queue is full.
const BUSY_RETRY_AFTER: Duration = Duration::from_secs(1);

/// A call that had less time than this when it began, and ran out of it, says nothing about the
/// server: its caller had spent the time elsewhere.
const FAIR_TIME: Duration = Duration::from_millis(60);

/// On whose behalf a connection is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lane {
    Reads,
    Writes,
    /// The watch: beside the bulkheads, so that overload does not look like an outage.
    Watch,
}

/// What keeps calls to the server within bounds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Guards {
    /// How many reads run at once.
    pub(crate) reads_max: usize,
    /// Without it, as many run as there are connections.
    pub(crate) has_bulkhead: bool,
    /// Without it, a server that is away is waited for.
    pub(crate) has_deadline: bool,
}

/// Why the server gave no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DatabaseError {
    #[error("the {name} is away")]
    Away { name: &'static str, retry_after: Duration },
    #[error("the {name} has all hands full")]
    Busy { name: &'static str, retry_after: Duration },
    #[error("the {name} refused: {source}")]
    Refused {
        name: &'static str,
        #[source]
        source: tokio_postgres::Error,
    },
}

impl DatabaseError {
    pub(crate) fn retry_after(&self) -> Duration {
        match self {
            Self::Away { retry_after, .. } | Self::Busy { retry_after, .. } => *retry_after,
            Self::Refused { .. } => BUSY_RETRY_AFTER,
        }
    }
}

/// Why one call failed.
#[derive(Debug)]
pub(crate) enum CallError {
    Timeout,
    Postgres(tokio_postgres::Error),
}

/// Why there is no connection.
#[derive(Clone, Copy, Debug)]
enum NoConnection {
    Refused,
    Timeout,
}

/// Runs `call`, at most until `deadline`.
pub(crate) async fn within<T>(
    deadline: Deadline,
    call: impl Future<Output = Result<T, tokio_postgres::Error>>,
) -> Result<T, CallError> {
    match timeout_at(deadline.instant(), call).await {
        Ok(result) => result.map_err(CallError::Postgres),
        Err(_) => Err(CallError::Timeout),
    }
}

/// A server.
#[derive(Debug)]
pub(crate) struct Database {
    pub(crate) dependency: Arc<Dependency>,
    pool: Pool,
    reads: Bulkhead,
    writes: Bulkhead,
    guards: Guards,
}

impl Database {
    pub(crate) fn new(
        dependency: Dependency,
        config: tokio_postgres::Config,
        guards: Guards,
    ) -> Self {
        let reads_max = guards.reads_max;
        let limits = |running_max| {
            let waiting_max = running_max * WAITING_PER_PLACE;
            if guards.has_bulkhead {
                Limits { running_max, waiting_max }
            } else {
                Limits { running_max: usize::MAX, waiting_max: 0 }
            }
        };
        // One connection more than the bulkheads let through is the watch's.
        let connections =
            if guards.has_bulkhead { reads_max + WRITES_MAX + 1 } else { CONNECTIONS_MAX };
        let recycling = ManagerConfig { recycling_method: RecyclingMethod::Fast };
        let pool = Pool::builder(Manager::from_config(config, NoTls, recycling))
            .max_size(connections)
            .build()
            .expect("a pool without timeouts of its own needs no runtime");
        let (reads, writes) = (Bulkhead::new(limits(reads_max)), Bulkhead::new(limits(WRITES_MAX)));
        Self { dependency: Arc::new(dependency), pool, reads, writes, guards }
    }

    /// A connection, and the leave to use it.
    pub(crate) async fn lease(
        &self,
        lane: Lane,
        deadline: Deadline,
    ) -> Result<Lease, DatabaseError> {
        let name = self.dependency.name;
        let away = |retry_after| DatabaseError::Away { name, retry_after };
        let seat = match lane {
            Lane::Watch => None,
            Lane::Reads | Lane::Writes if !self.dependency.is_usable() => {
                // Before the queue, which would fill with those who cannot succeed.
                return Err(away(BUSY_RETRY_AFTER));
            }
            Lane::Reads => Some(self.enter(&self.reads, deadline).await?),
            Lane::Writes => Some(self.enter(&self.writes, deadline).await?),
        };
        let permit = match lane {
            Lane::Watch => self.dependency.probe(),
            Lane::Reads | Lane::Writes => self.dependency.begin(),
        };
        let permit = permit.map_err(|rejection| away(rejection.retry_after))?;
        let on_timeout = if deadline.remaining(Instant::now()) >= FAIR_TIME {
            Outcome::Failure
        } else {
            Outcome::Ignored
        };
        match self.connect(deadline).await {
            Ok(object) => {
                let (object, permit) = (Some(object), Some(permit));
                let dependency = Arc::clone(&self.dependency);
                Ok(Lease { object, permit, seat, dependency, on_timeout })
            }
            Err(no_connection) => {
                let outcome = match no_connection {
                    NoConnection::Refused => Outcome::Failure,
                    NoConnection::Timeout => on_timeout,
                };
                self.dependency.finish(permit, outcome);
                Err(away(BUSY_RETRY_AFTER))
            }
        }
    }

    async fn enter(&self, bulkhead: &Bulkhead, deadline: Deadline) -> Result<Seat, DatabaseError> {
        let name = self.dependency.name;
        bulkhead.enter(deadline.instant()).await.map_err(|refused| match refused {
            Refused::Full | Refused::TooLate | Refused::Deadline => {
                DatabaseError::Busy { name, retry_after: BUSY_RETRY_AFTER }
            }
        })
    }

    async fn connect(&self, deadline: Deadline) -> Result<Object, NoConnection> {
        loop {
            match timeout_at(deadline.instant(), self.pool.get()).await {
                Ok(Ok(object)) => return Ok(object),
                Ok(Err(error)) if self.guards.has_deadline => {
                    tracing::debug!(server = self.dependency.name, %error, "no connection");
                    return Err(NoConnection::Refused);
                }
                // As pools do that have no deadline: it may be back in a moment.
                Ok(Err(_)) => {
                    let next = Instant::now() + RECONNECT_EVERY;
                    if next >= deadline.instant() {
                        return Err(NoConnection::Timeout);
                    }
                    tokio::time::sleep_until(next).await;
                }
                Err(_) => return Err(NoConnection::Timeout),
            }
        }
    }

    /// Connections that are open, and those of them that are idle.
    pub(crate) fn connections(&self) -> (usize, usize) {
        let status = self.pool.status();
        (status.size, status.available)
    }

    /// Reads that run and reads that wait.
    pub(crate) fn reading(&self) -> (usize, usize) {
        self.reads.occupancy()
    }
}

/// A connection in use. Dropped without [`Lease::finish`], it is closed.
#[derive(Debug)]
pub(crate) struct Lease {
    object: Option<Object>,
    permit: Option<Permit>,
    seat: Option<Seat>,
    dependency: Arc<Dependency>,
    /// What a timeout says about the server.
    on_timeout: Outcome,
}

impl Lease {
    pub(crate) fn client(&self) -> &Object {
        self.object.as_ref().expect("only finish and drop take it")
    }

    pub(crate) fn client_mut(&mut self) -> &mut Object {
        self.object.as_mut().expect("only finish and drop take it")
    }

    /// Takes the result of the call: an answer of the server, be it an error, proves it alive.
    pub(crate) fn finish<T>(mut self, result: Result<T, CallError>) -> Result<T, DatabaseError> {
        let name = self.dependency.name;
        let (outcome, result) = match result {
            Ok(value) => (Outcome::Success, Ok(value)),
            Err(CallError::Postgres(source)) if is_refusal(&source) => {
                (Outcome::Success, Err(DatabaseError::Refused { name, source }))
            }
            Err(error) => {
                let outcome = match error {
                    CallError::Postgres(_) => Outcome::Failure,
                    CallError::Timeout => self.on_timeout,
                };
                (outcome, Err(DatabaseError::Away { name, retry_after: BUSY_RETRY_AFTER }))
            }
        };
        if outcome == Outcome::Success {
            // Back to the pool.
            drop(self.object.take());
        }
        if let Some(permit) = self.permit.take() {
            self.dependency.finish(permit, outcome);
        }
        result
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if let Some(object) = self.object.take() {
            drop(Object::take(object));
        }
        drop(self.seat.take());
    }
}

/// Whether the server is well and only declines this statement.
fn is_refusal(error: &tokio_postgres::Error) -> bool {
    let Some(code) = error.code() else { return false };
    // Shutting down, starting up, out of connections or memory: the server's state, not the call's.
    let is_server_state = code.code().starts_with("57P") || code.code().starts_with("53");
    !is_server_state && *code != SqlState::QUERY_CANCELED
}
