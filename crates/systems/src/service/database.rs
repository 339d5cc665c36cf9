//! PostgreSQL as a service sees it: there or away, and sessions that end with their work.
//!
//! A statement that was not answered in time leaves its connection in an unknown state, so the
//! connection is closed. Background work owns a session each, and looks for a new one when it is
//! lost; requests borrow from a pool.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use deadpool_postgres::{Manager, ManagerConfig, Object, Pool, RecyclingMethod};
use serde_json::json;
use standfast_tactics::deadline::Deadline;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout, timeout_at};
use tokio_postgres::{Client, Config, Error, NoTls};

use super::environment::Environment;
use super::events;
use super::problem::Problem;
use crate::serve::ServeError;

/// A connection that is not there by then is not made.
pub(crate) const CONNECT_TIME_MAX: Duration = Duration::from_secs(1);

/// How soon a server that is away is tried again.
const CONNECT_AGAIN: Duration = Duration::from_millis(100);

/// Connections that requests borrow.
const POOL_MAX: usize = 8;

/// What clients are told while the server is away.
pub(crate) const RETRY_AFTER: Duration = Duration::from_secs(1);

/// The server that `POSTGRES_URL` names, as `application` uses it: in the role of the URL, or in
/// that which `POSTGRES_ROLE` names.
pub(crate) fn address(
    environment: &Environment<'_>,
    application: &str,
) -> Result<Config, ServeError> {
    let mut address: Config = environment.required("POSTGRES_URL")?;
    address.connect_timeout(CONNECT_TIME_MAX).application_name(application);
    take_role(&mut address, environment, "POSTGRES_ROLE")?;
    Ok(address)
}

/// Has sessions of `address` take the role that `variable` names, if any.
pub(crate) fn take_role(
    address: &mut Config,
    environment: &Environment<'_>,
    variable: &str,
) -> Result<(), ServeError> {
    let Some(role) = environment.get(variable) else { return Ok(()) };
    // It stands among other options, where a blank would begin the next one.
    if !role.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_') {
        let problem = format!("is `{role}`, and a role is named by a to z and `_`");
        return Err(ServeError::variable(variable, problem));
    }
    let before = address.get_options().map(|options| format!("{options} "));
    address.options(format!("{}-c role={role}", before.unwrap_or_default()));
    Ok(())
}

/// Who uses the server, in events.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Names {
    /// The server, as in `system.toml`.
    pub(crate) target: &'static str,
    /// The service.
    pub(crate) by: &'static str,
}

/// Why a call gave no result.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CallError {
    #[error("the database did not answer in time")]
    Timeout,
    #[error("the database closed the connection")]
    Closed,
    #[error("the database failed: {0}")]
    Postgres(#[from] Error),
}

impl CallError {
    /// Whether the server lives and says that it did nothing.
    pub(crate) fn is_refusal(&self) -> bool {
        match self {
            Self::Timeout | Self::Closed => false,
            Self::Postgres(error) => error.code().is_some(),
        }
    }
}

/// The server.
pub(crate) struct Database {
    names: Names,
    config: Config,
    pool: Pool,
    /// Sessions of writers that are up; while there is none, requests are refused at once.
    writers: watch::Sender<usize>,
    /// Whether it was reported to be away.
    is_missed: AtomicBool,
}

/// A connection with an owner.
#[derive(Debug)]
pub(crate) struct Session {
    client: Client,
    driver: JoinHandle<()>,
}

impl Database {
    pub(crate) fn new(config: Config, names: Names) -> Self {
        let recycling = ManagerConfig { recycling_method: RecyclingMethod::Fast };
        let pool = Pool::builder(Manager::from_config(config.clone(), NoTls, recycling))
            .max_size(POOL_MAX)
            .build()
            .expect("a pool without timeouts of its own needs no runtime");
        let (writers, is_missed) = (watch::Sender::new(0), AtomicBool::new(false));
        Self { names, config, pool, writers, is_missed }
    }

    /// Whether something can be written.
    pub(crate) fn is_there(&self) -> bool {
        *self.writers.borrow() > 0
    }

    /// Completes when nothing can be written.
    pub(crate) async fn gone(&self) {
        // The sender lives as long as `self`.
        let _ = self.writers.subscribe().wait_for(|writers| *writers == 0).await;
    }

    /// A writer's session is up.
    pub(crate) fn writer_came(&self) {
        self.writers.send_modify(|writers| *writers += 1);
        if self.is_missed.swap(false, Ordering::Relaxed) {
            tracing::info!("the database is there");
            events::report("recovered", self.names.target, json!({}));
        }
    }

    /// A writer's session is lost.
    pub(crate) fn writer_went(&self, error: &CallError) {
        let mut was_last = false;
        self.writers.send_modify(|writers| {
            *writers -= 1;
            was_last = *writers == 0;
        });
        if was_last {
            self.is_missed.store(true, Ordering::Relaxed);
            tracing::warn!(%error, "the database is away");
            let fields = json!({ "by": self.names.by, "cause": error.to_string() });
            events::report("detected", self.names.target, fields);
        }
    }

    /// A session, however long that takes.
    pub(crate) async fn session(&self) -> Session {
        loop {
            match timeout(CONNECT_TIME_MAX, self.config.connect(NoTls)).await {
                Ok(Ok((client, connection))) => {
                    let driver = tokio::spawn(async move {
                        if let Err(error) = connection.await {
                            tracing::debug!(%error, "a session ended");
                        }
                    });
                    return Session { client, driver };
                }
                Ok(Err(error)) => tracing::debug!(%error, "no session"),
                Err(_) => tracing::debug!("no session in time"),
            }
            sleep(CONNECT_AGAIN).await;
        }
    }

    /// A connection of the pool.
    pub(crate) async fn borrow(&self, deadline: Deadline) -> Result<Borrowed, Problem> {
        if !self.is_there() {
            return Err(away("the database is away"));
        }
        match timeout_at(deadline.instant(), self.pool.get()).await {
            Ok(Ok(object)) => Ok(Borrowed(Some(object))),
            Ok(Err(error)) => Err(away(&format!("no connection to the database: {error}"))),
            Err(_) => Err(away("no connection to the database in time")),
        }
    }
}

impl std::fmt::Debug for Database {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The configuration has a password.
        formatter
            .debug_struct("Database")
            .field("writers", &*self.writers.borrow())
            .finish_non_exhaustive()
    }
}

impl Session {
    pub(crate) fn client(&self) -> &Client {
        &self.client
    }

    pub(crate) fn client_mut(&mut self) -> &mut Client {
        &mut self.client
    }

    /// Completes when the connection is closed, from whichever side. Cancel-safe.
    pub(crate) async fn ended(&mut self) {
        // A panic of the driver closes it as well.
        drop((&mut self.driver).await);
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.driver.abort();
    }
}

/// A connection of the pool; dropped without [`Borrowed::give_back`], it is closed.
#[derive(Debug)]
pub(crate) struct Borrowed(Option<Object>);

impl Borrowed {
    pub(crate) fn client(&self) -> &Object {
        self.0.as_ref().expect("only giving back takes it")
    }

    pub(crate) fn client_mut(&mut self) -> &mut Object {
        self.0.as_mut().expect("only giving back takes it")
    }

    /// Nothing is under way on it.
    pub(crate) fn give_back(mut self) {
        drop(self.0.take());
    }
}

impl Drop for Borrowed {
    fn drop(&mut self) {
        if let Some(object) = self.0.take() {
            drop(Object::take(object));
        }
    }
}

/// Runs `call`, at most until `deadline`.
pub(crate) async fn within<T>(
    deadline: Deadline,
    call: impl Future<Output = Result<T, Error>>,
) -> Result<T, CallError> {
    match timeout_at(deadline.instant(), call).await {
        Ok(result) => result.map_err(CallError::Postgres),
        Err(_) => Err(CallError::Timeout),
    }
}

/// The answer while the server is away.
pub(crate) fn away(detail: &str) -> Problem {
    Problem::unavailable(RETRY_AFTER, detail)
}

/// The answer when a write was sent and no result came. 504 and not 503: a client must not take it
/// for a refusal.
pub(crate) fn unknown_outcome() -> Problem {
    let title = "It is not known whether the write happened";
    let detail = "the database went away meanwhile; retry with the same Idempotency-Key";
    Problem::new(axum::http::StatusCode::GATEWAY_TIMEOUT, "outcome-unknown", title, detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    const URL: (&str, &str) =
        ("POSTGRES_URL", "postgresql://all:secret@127.0.0.1:5432/shop?options=-c%20jit%3Doff");

    #[test]
    fn a_role_is_taken_beside_the_other_options_of_the_url() {
        let of = |pairs: &[(&str, &str)]| address(&Environment::of(pairs), "search-1");
        let plain = of(&[URL]).unwrap();
        assert_eq!(plain.get_options(), Some("-c jit=off"));
        assert_eq!(plain.get_application_name(), Some("search-1"));
        let with_role = of(&[URL, ("POSTGRES_ROLE", "travelhub_search")]).unwrap();
        assert_eq!(with_role.get_options(), Some("-c jit=off -c role=travelhub_search"));
    }

    #[test]
    fn an_address_that_cannot_be_used_is_named_without_its_password() {
        let of = |pairs: &[(&str, &str)]| {
            address(&Environment::of(pairs), "search-1").unwrap_err().to_string()
        };
        assert!(of(&[]).contains("`POSTGRES_URL`"));
        let wrong = of(&[("POSTGRES_URL", "postgresql://all:secret@:::")]);
        assert!(wrong.contains("`POSTGRES_URL`") && !wrong.contains("secret"), "{wrong}");
        let role = of(&[URL, ("POSTGRES_ROLE", "search -c jit=on")]);
        assert!(role.contains("`POSTGRES_ROLE`"), "{role}");
    }
}
