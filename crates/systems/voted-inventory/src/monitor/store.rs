//! The monitor's memory in PostgreSQL: read once at the start, written from the journal.

use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_postgres::{Client, Config, NoTls};
use uuid::Uuid;

use super::case::Cause;
use super::journal::Entry;
use super::record::Failure;
use super::wire::State;

/// What the database may take for one statement: above it, it hangs.
const STATEMENT_TIME_MAX: Duration = Duration::from_secs(2);

const STATES: &str = "SELECT replica, cause, since, epoch, accused FROM monitor_states";

const FAILURES: &str = "SELECT id, replica, cause, detected_at, recovered_at \
                        FROM monitor_failures ORDER BY detected_at DESC LIMIT $1";

const WRITE_STATE: &str = "INSERT INTO monitor_states VALUES ($1, $2, $3, $4, $5, $6) \
     ON CONFLICT (replica) DO UPDATE SET state = excluded.state, cause = excluded.cause, \
     since = excluded.since, epoch = excluded.epoch, accused = excluded.accused \
     WHERE monitor_states.epoch <= excluded.epoch";

const WRITE_DETECTED: &str = "INSERT INTO monitor_failures (id, replica, cause, detected_at) \
                              VALUES ($1, $2, $3, $4) ON CONFLICT (id) DO NOTHING";

const WRITE_RECOVERED: &str = "UPDATE monitor_failures SET recovered_at = $2 WHERE id = $1";

const WRITE_SAMPLE: &str = "INSERT INTO monitor_samples VALUES ($1, $2, $3, $4, $5) \
                            ON CONFLICT (replica, at) DO NOTHING";

/// Why the database is of no use now.
#[derive(Debug, thiserror::Error)]
pub(super) enum StoreError {
    #[error("PostgreSQL does not answer within {STATEMENT_TIME_MAX:?}")]
    Timeout,
    #[error("PostgreSQL: {}", reason(.0))]
    Postgres(#[from] tokio_postgres::Error),
}

/// The server's own words, where it said any.
fn reason(error: &tokio_postgres::Error) -> String {
    error.as_db_error().map_or_else(|| error.to_string(), |said| said.message().to_owned())
}

/// What was held of a replica before.
#[derive(Debug)]
pub(super) struct Held {
    pub(super) replica: String,
    pub(super) cause: Option<Cause>,
    pub(super) since: time::OffsetDateTime,
    pub(super) epoch: u64,
    pub(super) accused: Vec<String>,
}

/// A connection that is in use. When anything fails on it, it is given up.
pub(super) struct Store {
    client: Client,
    _driver: JoinSet<()>,
}

impl Store {
    /// Connects.
    pub(super) async fn open(config: &Config) -> Result<Self, StoreError> {
        let (client, connection) = within(config.connect(NoTls)).await?;
        let mut driver = JoinSet::new();
        driver.spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "the connection to PostgreSQL ended");
            }
        });
        Ok(Self { client, _driver: driver })
    }

    /// What was held of the replicas.
    pub(super) async fn states(&self) -> Result<Vec<Held>, StoreError> {
        let rows = within(self.client.query(STATES, &[])).await?;
        let held = rows.iter().map(|row| {
            let (cause, epoch): (Option<String>, i64) = (row.try_get(1)?, row.try_get(3)?);
            let accused: serde_json::Value = row.try_get(4)?;
            Ok(Held {
                replica: row.try_get(0)?,
                cause: cause.as_deref().and_then(Cause::of_name),
                since: row.try_get(2)?,
                epoch: epoch.unsigned_abs(),
                accused: serde_json::from_value(accused).unwrap_or_default(),
            })
        });
        held.collect()
    }

    /// The newest failures, the oldest of them first.
    pub(super) async fn failures(&self, count_max: usize) -> Result<Vec<Failure>, StoreError> {
        let count_max = i64::try_from(count_max).unwrap_or(i64::MAX);
        let rows = within(self.client.query(FAILURES, &[&count_max])).await?;
        let failures = rows.iter().rev().filter_map(|row| {
            let read = || -> Result<Option<Failure>, tokio_postgres::Error> {
                let cause: String = row.try_get(2)?;
                let Some(cause) = Cause::of_name(&cause) else { return Ok(None) };
                let (id, replica): (Uuid, String) = (row.try_get(0)?, row.try_get(1)?);
                let (detected_at, recovered_at) = (row.try_get(3)?, row.try_get(4)?);
                Ok(Some(Failure { id, replica, cause, detected_at, recovered_at }))
            };
            read().map_err(StoreError::from).transpose()
        });
        failures.collect()
    }

    pub(super) async fn write(&self, entry: &Entry) -> Result<(), StoreError> {
        let client = &self.client;
        match entry {
            Entry::State { replica, state, cause, since, epoch, accused } => {
                let state = match state {
                    State::On => "ON",
                    State::Off => "OFF",
                };
                let (cause, epoch) = (cause.map(Cause::name), number(*epoch));
                let accused = serde_json::json!(accused);
                let row: [&(dyn tokio_postgres::types::ToSql + Sync); 6] =
                    [replica, &state, &cause, since, &epoch, &accused];
                within(client.execute(WRITE_STATE, &row)).await?;
            }
            Entry::Detected { failure, replica, cause, at } => {
                let cause = cause.name();
                within(client.execute(WRITE_DETECTED, &[failure, replica, &cause, at])).await?;
            }
            Entry::Recovered { failure, at } => {
                within(client.execute(WRITE_RECOVERED, &[failure, at])).await?;
            }
            Entry::Sample { replica, at, checks, failed_checks, dissents } => {
                let numbers = [*checks, *failed_checks, *dissents].map(number);
                let [checks, failed_checks, dissents] = &numbers;
                let row: [&(dyn tokio_postgres::types::ToSql + Sync); 5] =
                    [replica, at, checks, failed_checks, dissents];
                within(client.execute(WRITE_SAMPLE, &row)).await?;
            }
        }
        Ok(())
    }
}

async fn within<T>(
    call: impl Future<Output = Result<T, tokio_postgres::Error>>,
) -> Result<T, StoreError> {
    let result = timeout(STATEMENT_TIME_MAX, call).await.map_err(|_| StoreError::Timeout)?;
    Ok(result?)
}

fn number(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
