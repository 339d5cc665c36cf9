//! The marker: one task commits it on the primary, one for each node asks for it.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep, timeout};
use tokio_postgres::{Client, Config, NoTls};

use super::observed::Observed;
use super::settings::Settings;

/// A server that does not answer by then is asked again on another connection.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);
/// How soon a server that is away is tried again.
pub(super) const AGAIN: Duration = Duration::from_millis(100);

const WRITE: &str = "UPDATE lag_markers SET marker = marker + 1 WHERE id = 1 RETURNING marker";
const READ: &str = "SELECT marker, pg_is_in_recovery() FROM lag_markers WHERE id = 1";

/// Why a session ended.
#[derive(Debug, thiserror::Error)]
pub(super) enum SessionError {
    #[error(transparent)]
    Postgres(#[from] tokio_postgres::Error),
    #[error("no answer within {ANSWER_WITHIN:?}")]
    Timeout,
}

/// A connection that is driven for as long as this lives.
#[derive(Debug)]
pub(super) struct Opened {
    pub(super) client: Client,
    pub(super) driver: JoinSet<()>,
}

impl Opened {
    pub(super) async fn open(address: &Config) -> Result<Self, SessionError> {
        let (client, connection) = within(address.connect(NoTls)).await?;
        let mut driver = JoinSet::new();
        // Its error is that of whatever is asked next.
        driver.spawn(async move { drop(connection.await) });
        Ok(Self { client, driver })
    }
}

/// Looks for as long as the set lives.
pub(super) fn start(settings: &Settings, observed: &Arc<Observed>) -> JoinSet<()> {
    let mut tasks = JoinSet::new();
    let (primary, every) = (settings.primary.clone(), settings.marker_every);
    let seen = Arc::clone(observed);
    tasks.spawn(async move {
        loop {
            told("marker", write(&primary, &seen, every).await);
            sleep(AGAIN).await;
        }
    });
    for (index, node) in settings.nodes.iter().enumerate() {
        let (address, every) = (node.reads.clone(), settings.poll_every);
        let seen = Arc::clone(observed);
        tasks.spawn(async move {
            loop {
                told("reader", read(&address, &seen, (index, every)).await);
                sleep(AGAIN).await;
            }
        });
    }
    tasks
}

/// Work on a session only ends with the session.
pub(super) fn told(work: &'static str, ended: Result<(), SessionError>) {
    if let Err(error) = ended {
        tracing::debug!(work, %error, "a session ended");
    }
}

pub(super) async fn within<T>(
    call: impl Future<Output = Result<T, tokio_postgres::Error>>,
) -> Result<T, SessionError> {
    let answered = timeout(ANSWER_WITHIN, call).await;
    Ok(answered.map_err(|_| SessionError::Timeout)??)
}

async fn write(address: &Config, observed: &Observed, every: Duration) -> Result<(), SessionError> {
    let Opened { client, driver: _driver } = Opened::open(address).await?;
    let statement = within(client.prepare(WRITE)).await?;
    let mut ticks = interval(every);
    // Markers that were not written in time would only crowd those that are.
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let row = within(client.query_one(&statement, &[])).await?;
        let (marker, now): (i64, Instant) = (row.try_get(0)?, Instant::now());
        observed.seen().markers.committed(marker, now);
    }
}

async fn read(
    address: &Config,
    observed: &Observed,
    (node, every): (usize, Duration),
) -> Result<(), SessionError> {
    let Opened { client, driver: _driver } = Opened::open(address).await?;
    let statement = within(client.prepare(READ)).await?;
    loop {
        let row = within(client.query_one(&statement, &[])).await?;
        let now = Instant::now();
        let (marker, is_replica): (i64, bool) = (row.try_get(0)?, row.try_get(1)?);
        observed.seen().markers.showed(node, marker, is_replica, now);
        // Nobody waits for a primary, nor for a replica before the load has begun.
        let is_awaited = is_replica && observed.seen().markers.begun().is_some();
        sleep(if is_awaited { every } else { AGAIN }).await;
    }
}
