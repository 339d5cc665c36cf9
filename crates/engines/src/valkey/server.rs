//! The running server: how it is started, asked, emptied and stopped.

use std::fs;
use std::io;
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, ConnectionAddr, ConnectionInfo, RedisConnectionInfo};

use super::configuration::{self, CONFIGURATION_FILE, SNAPSHOT_FILE};
use crate::engine::{EngineError, Site};
use crate::process::{Child, CommandSpec, Signal, StopPlan, Stopped};

/// Saving half a gigabyte takes seconds on a slow disk.
const STOP_WITHIN: Duration = Duration::from_secs(15);

/// Loopback answers at once, or the server hangs.
const ANSWER_WITHIN: Duration = Duration::from_secs(2);

/// Emptying is done in the foreground, and takes about a second for ten million keys.
const FLUSH_WITHIN: Duration = Duration::from_secs(10);

/// Gets the data folder ready for a start of this instance on this port.
pub(crate) fn prepare(site: &Site) -> Result<(), EngineError> {
    configuration::write(site)
}

pub(crate) fn command(site: &Site) -> CommandSpec {
    let data = &site.spec.data;
    site.server(site.installation.path.clone()).arguments([data.join(CONFIGURATION_FILE)])
}

/// Asks a real question.
pub(crate) async fn answer(site: &Site) -> Result<(), EngineError> {
    let mut connection = connect(site, ANSWER_WITHIN).await?;
    let ping = redis::cmd("PING");
    in_time(site, ANSWER_WITHIN, ping.query_async::<String>(&mut connection)).await.map(drop)
}

/// Empties it and returns how many keys went.
pub(crate) async fn flush(site: &Site) -> Result<u64, EngineError> {
    let mut connection = connect(site, FLUSH_WITHIN).await?;
    let mut both = redis::pipe();
    // In one transaction, or the count would miss keys that come in between.
    both.atomic().cmd("DBSIZE").cmd("FLUSHALL").arg("SYNC").ignore();
    let (keys,): (u64,) = in_time(site, FLUSH_WITHIN, both.query_async(&mut connection)).await?;
    Ok(keys)
}

/// Removes the snapshot that an orderly stop wrote, once it has been loaded. Otherwise a crash
/// later on would bring back what was in the cache before that stop, long outdated.
pub(crate) fn forget_snapshot(site: &Site) -> Result<(), EngineError> {
    if !configuration::setting(site, "save").is_empty() {
        return Ok(());
    }
    let snapshot = site.spec.data.join(SNAPSHOT_FILE);
    match fs::remove_file(&snapshot) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(site.io("remove", &snapshot, error))
        }
        Ok(()) | Err(_) => Ok(()),
    }
}

/// In order, with its contents saved; by force when that takes too long.
pub(crate) async fn stop(child: &Child) -> Result<Stopped, EngineError> {
    Ok(child.stop(StopPlan { signal: Signal::SIGTERM, grace: STOP_WITHIN }).await?)
}

async fn connect(site: &Site, within: Duration) -> Result<MultiplexedConnection, EngineError> {
    let address = ConnectionAddr::Tcp(site.spec.address().to_string(), site.spec.port);
    let login = RedisConnectionInfo::default().set_password(site.spec.secrets.cache.as_str());
    let info: ConnectionInfo = redis::IntoConnectionInfo::into_connection_info(address)
        .map_err(|error| no_answer(site, error.to_string()))?
        .set_redis_settings(login);
    let config = AsyncConnectionConfig::new().set_response_timeout(Some(within));
    let client = redis::Client::open(info).map_err(|error| no_answer(site, error.to_string()))?;
    in_time(site, ANSWER_WITHIN, client.get_multiplexed_async_connection_with_config(&config)).await
}

/// Waits for an answer, but not for ever: a frozen server keeps the connection and says nothing.
async fn in_time<T>(
    site: &Site,
    within: Duration,
    answer: impl Future<Output = redis::RedisResult<T>>,
) -> Result<T, EngineError> {
    match tokio::time::timeout(within, answer).await {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(error)) => Err(no_answer(site, error.to_string())),
        Err(_elapsed) => Err(no_answer(site, format!("silent for {within:?}"))),
    }
}

fn no_answer(site: &Site, reason: String) -> EngineError {
    EngineError::NoAnswer { engine: site.name(), reason }
}
