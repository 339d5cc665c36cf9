//! What a commit has to wait for before it is acknowledged.
//!
//! With semi-synchronous replication the server waits. Without (this build of MySQL has no plugin
//! for it), the service asks the replica whether it has the transactions of the primary, while the
//! watchdog demands it by `replication_duty.required`. It is read *after* the commit: when it says
//! 0, whoever sets it to 1 later sees this commit, and waits for it.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use mysql_async::Opts;
use mysql_async::prelude::Queryable;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::registry::Registry;
use tokio::time::{sleep, timeout};

use crate::serve::ServeError;
use crate::service::environment::Environment;
use crate::service::sessions::{DatabaseError, MysqlSession, Session};

/// After so long without the replica, the duty is read again: it may have ended.
const WAIT_SECONDS: f64 = 0.1;

/// A replica that gives no sign of life for longer is asked on another session.
const ANSWER_TIME_MAX: Duration = Duration::from_millis(400);

/// Before a replica that is away is asked again.
const ASK_AGAIN: Duration = Duration::from_millis(20);

const STANDING: &str = "SELECT required, @@global.gtid_executed, @@server_uuid \
                        FROM replication_duty WHERE id = 1";
const HAS: &str = "SELECT WAIT_FOR_EXECUTED_GTID_SET(?, ?)";

/// How a commit is secured.
#[derive(Debug)]
pub(super) struct Duty {
    mode: Mode,
    /// Commits that were acknowledged with the primary alone, since the watchdog allowed it.
    alone: Counter,
    waited: Counter,
}

#[derive(Debug)]
enum Mode {
    /// The server waits.
    SemiSync,
    /// The service waits for a replica at one of these places.
    Replica(Vec<Node>),
    /// Nobody waits.
    Primary,
}

/// A server of the cluster, which may be the primary or a replica.
#[derive(Debug)]
struct Node {
    address: Opts,
    idle: Mutex<Vec<(String, MysqlSession)>>,
}

impl Duty {
    /// Nobody waits.
    pub(super) fn none() -> Self {
        Self::new(Mode::Primary)
    }

    fn new(mode: Mode) -> Self {
        Self { mode, alone: Counter::default(), waited: Counter::default() }
    }

    /// `ACKNOWLEDGE` is `replica` (with `REPLICA_URLS`, all servers of the cluster), `semi-sync` or
    /// `primary`.
    pub(super) fn read(environment: &Environment<'_>) -> Result<Self, ServeError> {
        let urls = environment.get("REPLICA_URLS").unwrap_or_default();
        let mode = environment.get("ACKNOWLEDGE").unwrap_or_else(|| "replica".to_owned());
        match mode.as_str() {
            "semi-sync" => Ok(Self::new(Mode::SemiSync)),
            "primary" => Ok(Self::none()),
            "replica" if urls.is_empty() => Err(ServeError::variable("REPLICA_URLS", "is not set")),
            "replica" => {
                let node = |url: &str| {
                    let address = MysqlSession::address(url.trim());
                    let address = address
                        .map_err(|error| ServeError::variable("REPLICA_URLS", error.to_string()))?;
                    Ok(Node { address, idle: Mutex::default() })
                };
                let nodes: Result<_, ServeError> = urls.split(',').map(node).collect();
                Ok(Self::new(Mode::Replica(nodes?)))
            }
            _ => {
                let known = "replica, semi-sync, primary";
                Err(ServeError::variable(
                    "ACKNOWLEDGE",
                    format!("is `{mode}`, and none of {known}"),
                ))
            }
        }
    }

    pub(super) fn register(&self, registry: &mut Registry) {
        let help = "Commits acknowledged while the watchdog demanded no replica";
        registry.register("acknowledged_alone", help, self.alone.clone());
        let help = "Commits acknowledged after the replica had them";
        registry.register("acknowledged_by_replica", help, self.waited.clone());
    }

    /// For people: what an acknowledgement means.
    pub(super) fn name(&self) -> &'static str {
        match self.mode {
            Mode::SemiSync => "semi-synchronous replication, in the server",
            Mode::Replica(_) => "the replica has the GTID, asked by the service",
            Mode::Primary => "the primary alone",
        }
    }

    /// Waits until all that is committed on the server of `session` may be acknowledged.
    pub(super) async fn wait(&self, session: &mut MysqlSession) -> Result<(), DatabaseError> {
        let Mode::Replica(nodes) = &self.mode else { return Ok(()) };
        loop {
            let found: Option<(u8, String, String)> =
                session.connection().query_first(STANDING).await?;
            let Some((required, gtids, primary)) = found else {
                return Err(DatabaseError::Refused("`replication_duty` is empty".to_owned()));
            };
            if required == 0 {
                self.alone.inc();
                return Ok(());
            }
            for node in nodes {
                if node.has(&gtids, &primary).await {
                    self.waited.inc();
                    return Ok(());
                }
            }
            sleep(ASK_AGAIN).await;
        }
    }
}

impl Node {
    /// Whether it has `gtids` soon, and is not the `primary` itself.
    async fn has(&self, gtids: &str, primary: &str) -> bool {
        let asked = timeout(ANSWER_TIME_MAX, self.ask(gtids, primary)).await;
        match asked {
            Ok(Ok(has)) => has,
            Ok(Err(error)) => {
                tracing::debug!(%error, "a replica cannot be asked");
                false
            }
            Err(_) => false,
        }
    }

    async fn ask(&self, gtids: &str, primary: &str) -> Result<bool, DatabaseError> {
        let kept = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let (uuid, mut session) = match kept.filter(|(_, session)| !session.is_closed()) {
            Some(kept) => kept,
            None => self.open().await?,
        };
        let is_primary = uuid == primary;
        let mut has = Some(1);
        if !is_primary {
            has = session.connection().exec_first(HAS, (gtids, WAIT_SECONDS)).await?;
        }
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push((uuid, session));
        Ok(!is_primary && has == Some(0))
    }

    async fn open(&self) -> Result<(String, MysqlSession), DatabaseError> {
        let mut session = MysqlSession::open(&self.address).await?;
        let uuid: Option<String> = session.connection().query_first("SELECT @@server_uuid").await?;
        let none = || DatabaseError::Refused("a server without a UUID".to_owned());
        Ok((uuid.ok_or_else(none)?, session))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pairs: &[(&str, &str)]) -> Result<Duty, String> {
        Duty::read(&Environment::of(pairs)).map_err(|error| error.to_string())
    }

    #[test]
    fn who_waits_is_said_plainly() {
        let urls = ("REPLICA_URLS", "mysql://u:p@127.0.0.1:3308/r,mysql://u:p@127.0.0.1:3309/r");
        assert!(read(&[urls]).unwrap().name().contains("GTID"));
        assert!(read(&[("ACKNOWLEDGE", "semi-sync")]).unwrap().name().contains("server"));
        assert!(read(&[]).unwrap_err().contains("`REPLICA_URLS` is not set"));
        assert!(read(&[("ACKNOWLEDGE", "never")]).unwrap_err().contains("replica, semi-sync"));
        assert!(read(&[("REPLICA_URLS", "http://x")]).unwrap_err().contains("REPLICA_URLS"));
    }
}
