//! One connection to PostgreSQL, and the one question by which everything is learnt.

use std::future::Future;
use std::pin::Pin;

use serde::Deserialize;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_postgres::error::SqlState;
use tokio_postgres::{Client, Config, NoTls, SimpleQueryMessage};

use super::names;
use crate::core::{Follower, Position, Report};
use crate::database::{Asking, DatabaseError, Members, Session};

/// By which our own sessions are told from those of clients.
pub(super) const APPLICATION_NAME: &str = "standfast-watchdog";

/// The epoch and the time of the last beat, in one row of the maintenance database.
const TABLE: &str = "standfast_watchdog";

/// Everything in one round trip, as JSON. A standby's end of log is what it would have after its
/// promotion: `receive` is NULL or behind after a restart, `replay` is behind while it lags. The
/// timeline of a primary is in the name of its log file; the control file is late.
const REPORT: &str = "\
SELECT json_build_object(
  'standby', s.standby,
  'names', current_setting('synchronous_standby_names'),
  'marked', to_regclass('public.standfast_watchdog') IS NOT NULL,
  'timeline', CASE WHEN s.standby
    THEN greatest((SELECT received_tli FROM pg_stat_wal_receiver),
      (SELECT min_recovery_end_timeline FROM pg_control_recovery()),
      (SELECT timeline_id FROM pg_control_checkpoint()))
    ELSE ('x' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8))::bit(32)::int END,
  'offset', (CASE WHEN s.standby
    THEN greatest(pg_last_wal_receive_lsn(), pg_last_wal_replay_lsn())
    ELSE pg_current_wal_flush_lsn() END - '0/0'::pg_lsn)::bigint,
  'sender', (SELECT json_build_object('host', sender_host, 'port', sender_port)
    FROM pg_stat_wal_receiver WHERE status = 'streaming'),
  'followers', coalesce((SELECT json_agg(json_build_object('name', application_name,
      'flushed', (flush_lsn - '0/0'::pg_lsn)::bigint,
      'counted', sync_state IN ('sync', 'quorum')))
    FROM pg_stat_replication WHERE state = 'streaming' AND flush_lsn IS NOT NULL), '[]'),
  'busy', (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'
    AND state <> 'idle' AND application_name <> 'standfast-watchdog'))::text
FROM (SELECT pg_is_in_recovery() AS standby) s";

#[derive(Deserialize)]
struct Row {
    standby: bool,
    names: String,
    marked: bool,
    timeline: u32,
    offset: Option<u64>,
    sender: Option<Sender>,
    followers: Vec<RowFollower>,
    busy: u32,
}

#[derive(Deserialize)]
struct Sender {
    host: Option<String>,
    port: Option<u16>,
}

#[derive(Deserialize)]
struct RowFollower {
    name: String,
    flushed: u64,
    counted: bool,
}

/// A session as the watchdog.
#[derive(Debug)]
pub(super) struct PostgresSession {
    client: Client,
    address: String,
    members: Members,
    has_table: bool,
    ended: watch::Receiver<bool>,
    /// Holds the connection's task, which ends with it.
    _connection: JoinSet<()>,
}

impl PostgresSession {
    pub(super) async fn open(
        config: &Config,
        address: &str,
        members: &Members,
    ) -> Result<Self, DatabaseError> {
        let connected = config.connect(NoTls).await;
        let (client, connection) = connected.map_err(|error| connect_error(address, &error))?;
        let (tell_ended, ended) = watch::channel(false);
        let mut task = JoinSet::new();
        task.spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "a watchdog's session ended");
            }
            drop(tell_ended);
        });
        let (address, members) = (address.to_owned(), members.clone());
        let session = Self { client, address, members, has_table: false, ended, _connection: task };
        // What we write waits for no replica, or a watchdog would wait for the one it has to
        // replace.
        session.run("SET synchronous_commit = local").await?;
        Ok(session)
    }

    /// The first column of the first row.
    pub(super) async fn value(&self, query: &str) -> Result<Option<String>, DatabaseError> {
        let messages = self.client.simple_query(query).await;
        let messages = messages.map_err(|error| query_error(&self.address, &error))?;
        Ok(messages.iter().find_map(|message| {
            let SimpleQueryMessage::Row(row) = message else { return None };
            row.get(0).map(str::to_owned)
        }))
    }

    pub(super) async fn run(&self, query: &str) -> Result<(), DatabaseError> {
        self.value(query).await.map(drop)
    }

    /// Changes a setting of the server, such as `SET wal_receiver_timeout = '1s'`, and asks it to
    /// read that.
    pub(super) async fn alter(&self, change: &str) -> Result<(), DatabaseError> {
        self.run(&format!("ALTER SYSTEM {change}")).await?;
        self.run("SELECT pg_reload_conf()").await
    }

    pub(super) async fn names(&self) -> Result<String, DatabaseError> {
        Ok(self.value("SHOW synchronous_standby_names").await?.unwrap_or_default())
    }

    pub(super) async fn read(&mut self) -> Result<Report, DatabaseError> {
        let text = self.value(REPORT).await?.unwrap_or_default();
        let row: Row = serde_json::from_str(&text).map_err(|error| DatabaseError::Failed {
            address: self.address.clone(),
            problem: format!("it reported what is no report ({error}): {text}"),
        })?;
        self.has_table = row.marked;
        let epoch = if row.marked {
            let epoch = self.value(&format!("SELECT epoch FROM public.{TABLE}")).await?;
            epoch.and_then(|epoch| epoch.parse().ok()).unwrap_or_default()
        } else {
            0
        };
        let at = |offset| Position::Log { timeline: row.timeline, offset };
        let follower = |one: RowFollower| {
            let node = self.members.named(&one.name)?;
            // What is left to replay is little, and a promotion says itself how far it has come.
            let flushed = at(one.flushed);
            let applied = flushed.clone();
            Some(Follower { node, flushed, applied, is_counted: one.counted })
        };
        let follows = row.sender.and_then(|sender| self.members.at(&sender.host?, sender.port?));
        Ok(Report {
            is_writable: !row.standby,
            position: at(row.offset.unwrap_or_default()),
            enforced: names::parse(&row.names, &self.members),
            followers: row.followers.into_iter().filter_map(follower).collect(),
            follows,
            epoch,
            busy: Some(row.busy),
        })
    }

    async fn write(&mut self, epoch: u64) -> Result<(), DatabaseError> {
        if !self.has_table {
            let create = format!(
                "CREATE TABLE IF NOT EXISTS public.{TABLE} (only_row bool PRIMARY KEY \
                 DEFAULT true CHECK (only_row), epoch bigint NOT NULL, beat timestamptz NOT NULL) \
                 WITH (fillfactor = 10)"
            );
            self.run(&create).await?;
            self.has_table = true;
        }
        let beat = format!(
            "INSERT INTO public.{TABLE} (epoch, beat) VALUES ({epoch}, now()) \
             ON CONFLICT (only_row) DO UPDATE SET epoch = excluded.epoch, beat = excluded.beat \
             WHERE {TABLE}.epoch <= excluded.epoch"
        );
        self.run(&beat).await
    }
}

impl Session for PostgresSession {
    fn report(&mut self) -> Asking<'_, Report> {
        Box::pin(self.read())
    }

    fn beat(&mut self, epoch: u64) -> Asking<'_, ()> {
        Box::pin(self.write(epoch))
    }

    fn ended(&mut self) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(async {
            // Never set: the sender is dropped when the connection ends.
            while self.ended.changed().await.is_ok() {}
        })
    }
}

fn connect_error(address: &str, error: &tokio_postgres::Error) -> DatabaseError {
    let address = address.to_owned();
    if let Some(database) = error.as_db_error() {
        let answer = database.message().to_owned();
        let code = database.code();
        return if *code == SqlState::CANNOT_CONNECT_NOW || *code == SqlState::ADMIN_SHUTDOWN {
            DatabaseError::Unready { address, answer }
        } else {
            DatabaseError::Busy { address, answer }
        };
    }
    let mut source = std::error::Error::source(error);
    while let Some(inner) = source {
        if let Some(io) = inner.downcast_ref::<std::io::Error>()
            && io.kind() == std::io::ErrorKind::ConnectionRefused
        {
            return DatabaseError::Refused { address };
        }
        source = inner.source();
    }
    DatabaseError::Closed { address }
}

fn query_error(address: &str, error: &tokio_postgres::Error) -> DatabaseError {
    let address = address.to_owned();
    match error.as_db_error() {
        Some(database) if *database.code() == SqlState::ADMIN_SHUTDOWN => {
            DatabaseError::Closed { address }
        }
        Some(database) => DatabaseError::Failed { address, problem: database.message().to_owned() },
        None => DatabaseError::Closed { address },
    }
}
