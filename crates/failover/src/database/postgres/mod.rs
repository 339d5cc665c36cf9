//! PostgreSQL, from version 13 on. The user of the URL has to be a superuser, or may alter the
//! system, checkpoint, promote and end sessions.
//!
//! Replicas are known by their `application_name`, which has to be the node's name.

mod names;
mod session;

use std::net::SocketAddr;
use std::time::Duration;

use tokio::time::{Instant, sleep};
use tokio_postgres::Config;
use tokio_postgres::config::Host;

use self::session::PostgresSession;
use super::{Asking, Database, DatabaseError, Members, Session};
use crate::core::{Cover, Position};

/// Between looks at something that is about to happen.
const LOOK_EVERY: Duration = Duration::from_millis(3);

/// Whoever changes the settings holds this advisory lock: "standfas" in ASCII.
const SETTINGS_LOCK: i64 = 0x7374_616e_6466_6173;

/// The end of a stream that the death of its sender ends is there by then.
const END_OF_STREAM_WITHIN: Duration = Duration::from_millis(100);

/// A receiver on a link that was cut ends after so much silence, once it is asked to hurry. It
/// looks ten times a second.
const SILENCE_MAX: Duration = Duration::from_millis(100);

/// Of looks at a promotion that is under way.
const WAKE_EVERY: u32 = 4;

/// How long a replica may go on receiving from a primary that is dead.
const SEAL_WITHIN: Duration = Duration::from_millis(1500);

/// One PostgreSQL server.
#[derive(Clone, Debug)]
pub struct Postgres {
    config: Config,
    address: String,
    members: Members,
}

impl Postgres {
    /// The server at `url`, one of `members`.
    ///
    /// # Errors
    /// When the URL cannot be understood.
    pub fn new(url: &str, members: Members) -> Result<Self, tokio_postgres::Error> {
        let mut config: Config = url.parse()?;
        config.application_name(session::APPLICATION_NAME);
        let address = address(&config);
        Ok(Self { config, address, members })
    }

    /// The address that a URL names, if it names one.
    ///
    /// # Errors
    /// When the URL cannot be understood.
    pub fn address_of(url: &str) -> Result<Option<SocketAddr>, tokio_postgres::Error> {
        let config: Config = url.parse()?;
        Ok(address(&config).replace("localhost", "127.0.0.1").parse().ok())
    }

    async fn open(&self) -> Result<PostgresSession, DatabaseError> {
        PostgresSession::open(&self.config, &self.address, &self.members).await
    }

    fn failed(&self, problem: impl Into<String>) -> DatabaseError {
        DatabaseError::Failed { address: self.address.clone(), problem: problem.into() }
    }

    /// Waits until nobody else changes settings: whoever holds the lock is gone afterwards, so that
    /// what an earlier call began has taken effect or never will.
    async fn lock_settings(&self, session: &PostgresSession) -> Result<(), DatabaseError> {
        let take = format!("SELECT pg_try_advisory_lock({SETTINGS_LOCK})");
        let end = format!(
            "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' \
             AND granted AND pid <> pg_backend_pid() AND database = \
             (SELECT oid FROM pg_database WHERE datname = current_database()) \
             AND classid = {} AND objid = {}",
            SETTINGS_LOCK >> 32,
            SETTINGS_LOCK & 0xffff_ffff
        );
        while session.value(&take).await?.as_deref() != Some("t") {
            session.run(&end).await?;
            sleep(LOOK_EVERY).await;
        }
        Ok(())
    }

    async fn set_names(&self, cover: Cover) -> Result<(), DatabaseError> {
        let names = names::render(cover, &self.members);
        let session = self.open().await?;
        self.lock_settings(&session).await?;
        let quoted = names.replace('\'', "''");
        session.alter(&format!("SET synchronous_standby_names = '{quoted}'")).await?;
        // A new session shows what the postmaster has read; from then on its children are told.
        while self.open().await?.names().await? != names {
            sleep(LOOK_EVERY).await;
        }
        if cover != Cover::NONE {
            // That commits wait at all is a flag which the checkpointer sets when it reads the
            // configuration, and it may be busy. It reads before it begins a checkpoint: one that
            // is asked for now and done tells that the flag is set.
            session.run("CHECKPOINT").await?;
        }
        Ok(())
    }

    async fn close_and_tell(&self) -> Result<Position, DatabaseError> {
        let mut session = self.open().await?;
        let deadline = Instant::now() + SEAL_WITHIN;
        let patience = Instant::now() + END_OF_STREAM_WITHIN;
        let receivers = "SELECT count(*) FROM pg_stat_wal_receiver";
        let mut told_to_end = false;
        let sealed = loop {
            if session.value(receivers).await?.as_deref() == Some("0") {
                break Ok(session.read().await?.position);
            }
            let now = Instant::now();
            if now >= deadline {
                break Err(self.failed("it still receives from the old primary"));
            }
            if now >= patience && !told_to_end {
                told_to_end = true;
                self.lock_settings(&session).await?;
                self.set_receiver_timeout(&session, Some(SILENCE_MAX)).await?;
            }
            sleep(LOOK_EVERY).await;
        };
        if told_to_end {
            self.set_receiver_timeout(&session, None).await?;
        }
        sealed
    }

    /// A link that was cut does not tell its receiver that the primary is dead, and PostgreSQL lets
    /// nobody end a receiver: it is no backend to `pg_terminate_backend`, and a new
    /// `primary_conninfo` would stay when we die now. How long it bears silence, it reads at once.
    /// What is still on its way was confirmed to nobody.
    async fn set_receiver_timeout(
        &self,
        session: &PostgresSession,
        longest: Option<Duration>,
    ) -> Result<(), DatabaseError> {
        let change = match longest {
            Some(longest) => format!("SET wal_receiver_timeout = '{}ms'", longest.as_millis()),
            None => "RESET wal_receiver_timeout".to_owned(),
        };
        session.alter(&change).await
    }

    async fn open_for_writes(&self) -> Result<(), DatabaseError> {
        let session = self.open().await?;
        if session.value("SELECT pg_is_in_recovery()").await?.as_deref() == Some("f") {
            return Ok(());
        }
        // The names of an earlier reign would make the first commits wait for nobody who is there.
        self.lock_settings(&session).await?;
        session.alter("SET synchronous_standby_names = ''").await?;
        session.run("SELECT pg_promote(false)").await?;
        let is_standby = "SELECT pg_is_in_recovery()";
        let mut looks = 0;
        while session.value(is_standby).await?.as_deref() != Some("f") {
            // Between two tries to receive it sleeps for `wal_retrieve_retry_interval`, also when
            // it has seen the request; a new configuration wakes it.
            if looks % WAKE_EVERY == 0 {
                session.run("SELECT pg_reload_conf()").await?;
            }
            looks += 1;
            sleep(LOOK_EVERY).await;
        }
        Ok(())
    }
}

impl Database for Postgres {
    fn connect(&self) -> Asking<'_, Box<dyn Session>> {
        Box::pin(async { Ok(Box::new(self.open().await?) as Box<dyn Session>) })
    }

    fn enforce(&self, cover: Cover) -> Asking<'_, ()> {
        Box::pin(self.set_names(cover))
    }

    fn prepare(&self) -> Asking<'_, ()> {
        Box::pin(async { self.open().await?.run("CHECKPOINT").await })
    }

    fn seal(&self) -> Asking<'_, Position> {
        Box::pin(self.close_and_tell())
    }

    fn promote(&self) -> Asking<'_, ()> {
        Box::pin(self.open_for_writes())
    }
}

fn address(config: &Config) -> String {
    let host = match config.get_hosts().first() {
        Some(Host::Tcp(host)) => host.clone(),
        Some(Host::Unix(path)) => path.display().to_string(),
        None => "127.0.0.1".to_owned(),
    };
    format!("{host}:{}", config.get_ports().first().copied().unwrap_or(5432))
}
