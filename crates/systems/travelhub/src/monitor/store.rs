//! The monitor's database: beats are read from it, and what was found is written.

use std::time::Duration;

use standfast_tactics::deadline::Deadline;
use time::OffsetDateTime;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};
use tokio_postgres::{Client, Config, NoTls};

use super::case::Beat;
use super::episode::Entry;
use crate::service::database::{CONNECT_TIME_MAX, CallError, within};

/// What the database may take for one statement: above it, it hangs.
const STATEMENT_TIME_MAX: Duration = Duration::from_secs(2);

/// Ids commit out of order. So many of the last ones are read again, and what was read before is
/// left out: a beat that is missed altogether matters little, as the next one says more.
const OVERLAP: i64 = 64;

/// More beats than these are read in several turns.
const PAGE: i64 = 10_000;

const BEATS: &str = "SELECT id, service, incarnation, sequence, at, clock_timestamp() FROM beats \
                     WHERE id > $1 ORDER BY id LIMIT $2";

const FIRST: &str = "SELECT coalesce(max(id), 0) FROM beats WHERE at < clock_timestamp() - $1";

const FORGET: &str = "DELETE FROM beats WHERE at < clock_timestamp() - $1";

const DETECTED: &str = "INSERT INTO failures (id, service, detector, last_sign_at, detected_at) \
                        VALUES ($1, $2, $3, $4, $5) ON CONFLICT (id) DO NOTHING";

const RECOVERED: &str = "UPDATE failures SET recovered_at = $2 WHERE id = $1";

/// A connection that is in use. When anything fails on it, it is given up.
#[derive(Debug)]
pub(super) struct Store {
    client: Client,
    /// The last id that was read.
    read: i64,
    _driver: JoinSet<()>,
}

/// Beats, and the time by the clock that they are of.
#[derive(Debug)]
pub(super) struct Read {
    pub(super) beats: Vec<Beat>,
    pub(super) database_now: OffsetDateTime,
    /// Whether there are more.
    pub(super) is_full: bool,
}

impl Store {
    /// Connects; beats will be read that are at most `history` old.
    pub(super) async fn open(config: &Config, history: Duration) -> Result<Self, CallError> {
        let connecting = timeout(CONNECT_TIME_MAX, config.connect(NoTls)).await;
        let (client, connection) = connecting.map_err(|_| CallError::Timeout)??;
        let mut driver = JoinSet::new();
        driver.spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "the connection to the monitor's database ended");
            }
        });
        let first = call(client.query_one(&interval(FIRST, history), &[])).await?;
        Ok(Self { client, read: first.try_get(0)?, _driver: driver })
    }

    /// The beats since the last reading.
    pub(super) async fn beats(&mut self) -> Result<Read, CallError> {
        let after = self.read.saturating_sub(OVERLAP);
        let rows = call(self.client.query(BEATS, &[&after, &PAGE])).await?;
        let mut read = Read {
            beats: Vec::with_capacity(rows.len()),
            database_now: OffsetDateTime::UNIX_EPOCH,
            is_full: rows.len() as i64 >= PAGE,
        };
        for row in &rows {
            self.read = self.read.max(row.try_get(0)?);
            read.beats.push(Beat {
                service: row.try_get(1)?,
                incarnation: row.try_get(2)?,
                sequence: row.try_get(3)?,
                at: row.try_get(4)?,
            });
            read.database_now = row.try_get(5)?;
        }
        Ok(read)
    }

    pub(super) async fn write(&self, entry: &Entry) -> Result<(), CallError> {
        match entry {
            Entry::Detected { id, service, detector, last_sign, at } => {
                let detector = detector.name();
                let row: [&(dyn tokio_postgres::types::ToSql + Sync); 5] =
                    [id, service, &detector, last_sign, at];
                call(self.client.execute(DETECTED, &row)).await?;
            }
            Entry::Recovered { id, at } => {
                call(self.client.execute(RECOVERED, &[id, at])).await?;
            }
        }
        Ok(())
    }

    /// Deletes beats that are older than `kept_for`.
    pub(super) async fn forget(&self, kept_for: Duration) -> Result<(), CallError> {
        call(self.client.execute(&interval(FORGET, kept_for), &[])).await?;
        Ok(())
    }
}

/// The client has no type for an interval; this one is a whole number, and no text from outside.
fn interval(statement: &str, length: Duration) -> String {
    statement.replace("$1", &format!("interval '{} seconds'", length.as_secs()))
}

async fn call<T>(
    call: impl Future<Output = Result<T, tokio_postgres::Error>>,
) -> Result<T, CallError> {
    within(Deadline::after(Instant::now(), STATEMENT_TIME_MAX), call).await
}
