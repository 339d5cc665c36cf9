//! One connection as superuser, closed when it is dropped.

use std::time::Duration;

use tokio::task::JoinSet;
use tokio_postgres::{Client, NoTls};

use super::configuration::{MAINTENANCE_DATABASE, SUPERUSER};
use crate::engine::{EngineError, Site};

/// Loopback answers at once, or the server hangs.
const ANSWER_WITHIN: Duration = Duration::from_secs(2);

#[derive(Debug)]
pub(super) struct Session {
    pub(super) client: Client,
    /// Holds the connection's task, which ends with it.
    _connection: JoinSet<()>,
}

impl Session {
    /// Connects to the site's own server.
    pub(super) async fn open(site: &Site) -> Result<Self, EngineError> {
        Self::open_at(site, &site.spec.address().to_string(), site.spec.port).await
    }

    /// Connects to the server on `host`, which has the same roles: the primary, for a replica.
    pub(super) async fn open_at(site: &Site, host: &str, port: u16) -> Result<Self, EngineError> {
        let mut config = tokio_postgres::Config::new();
        config.host(host).port(port).user(SUPERUSER).password(&site.spec.secrets.superuser);
        config.dbname(MAINTENANCE_DATABASE).application_name("standfast");
        let (client, connection) = answer_in_time(site, config.connect(NoTls)).await?;
        let mut task = JoinSet::new();
        task.spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "a session ended");
            }
        });
        Ok(Self { client, _connection: task })
    }
}

/// Waits for an answer, but not for ever: a frozen server keeps the connection and says nothing.
pub(super) async fn answer_in_time<T>(
    site: &Site,
    answer: impl Future<Output = Result<T, tokio_postgres::Error>>,
) -> Result<T, EngineError> {
    answer_within(site, ANSWER_WITHIN, answer).await
}

/// The same for a question that takes longer.
pub(super) async fn answer_within<T>(
    site: &Site,
    within: Duration,
    answer: impl Future<Output = Result<T, tokio_postgres::Error>>,
) -> Result<T, EngineError> {
    let reason = match tokio::time::timeout(within, answer).await {
        Ok(Ok(answer)) => return Ok(answer),
        Ok(Err(error)) => describe(&error),
        Err(_elapsed) => format!("silent for {within:?}"),
    };
    Err(EngineError::NoAnswer { engine: site.name(), reason })
}

/// The client's own text is only "db error"; the server's words are in its source.
fn describe(error: &tokio_postgres::Error) -> String {
    error.as_db_error().map_or_else(
        || {
            let source = std::error::Error::source(error);
            source.map_or(error.to_string(), |source| format!("{error}: {source}"))
        },
        |answer| format!("{}: {}", answer.severity(), answer.message()),
    )
}
