//! What a watchdog does on a connection: it asks, and writes a little.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use tokio::time::Instant;

use super::link::Link;
use super::roll::Word;
use super::sentry::Sentry;
use super::server::Server;
use super::{Flavour, mariadb, mysql8};
use crate::core::{Cover, Position, Report};
use crate::database::{Asking, DatabaseError, Session};

/// The epoch and the time of the last beat, in one row. Not replicated: a commit that the replica
/// has to know of would wait for the replica, or would make histories differ.
const TABLE: &str = "standfast_watchdog.reign";

/// Clients that are in a transaction or a statement; a commit that waits is in both.
const BUSY: &str = "\
SELECT COUNT(*) FROM information_schema.PROCESSLIST p
  LEFT JOIN information_schema.INNODB_TRX t ON t.trx_mysql_thread_id = p.ID
 WHERE p.USER NOT IN ('system user', 'event_scheduler', SUBSTRING_INDEX(USER(), '@', 1))
   AND p.COMMAND NOT LIKE 'Binlog Dump%' AND p.COMMAND NOT IN ('Daemon', 'Connect')
   AND (p.COMMAND <> 'Sleep' OR t.trx_id IS NOT NULL)";

/// What one look at a server shows.
pub(super) struct Look {
    pub(super) is_writable: bool,
    /// What it would have if it were promoted now; of a primary, what it has written.
    pub(super) position: Position,
    /// Whether a commit waits for a replica.
    pub(super) waits: bool,
    /// What it says as a replica that receives.
    pub(super) word: Option<Word>,
}

#[derive(Debug)]
pub(super) struct MysqlSession {
    server: Arc<Server>,
    link: Link,
    has_table: bool,
    sentry: Option<Sentry>,
}

impl MysqlSession {
    pub(super) fn new(server: Arc<Server>, link: Link) -> Self {
        Self { server, link, has_table: false, sentry: None }
    }

    async fn read(&mut self) -> Result<Report, DatabaseError> {
        let (server, link) = (&*self.server, &mut self.link);
        let at = Instant::now();
        let look = match server.flavour {
            Flavour::Mariadb => mariadb::look(link, server).await?,
            Flavour::Mysql => mysql8::look(link, server).await?,
        };
        let follows = look.word.as_ref().map(|word| word.follows);
        if let Some(word) = look.word {
            server.roll.note(server.node, at, word);
        }
        let epoch: Option<u64> = link.row_if_any(&format!("SELECT epoch FROM {TABLE}")).await?;
        let busy: u32 = if look.is_writable { link.row(BUSY).await? } else { 0 };
        Ok(Report {
            is_writable: look.is_writable,
            position: look.position,
            enforced: Some(if look.waits { server.cover() } else { Cover::NONE }),
            followers: server.roll.followers(server.node, at, look.waits),
            follows,
            epoch: epoch.unwrap_or_default(),
            busy,
        })
    }

    async fn write(&mut self, epoch: u64) -> Result<(), DatabaseError> {
        if !self.has_table {
            self.link.run("SET SESSION sql_log_bin = 0").await?;
            self.link.run("CREATE DATABASE IF NOT EXISTS standfast_watchdog").await?;
            let create = format!(
                "CREATE TABLE IF NOT EXISTS {TABLE} (only_row TINYINT PRIMARY KEY, \
                 epoch BIGINT UNSIGNED NOT NULL, beat TIMESTAMP(3) NOT NULL) ENGINE = InnoDB"
            );
            self.link.run(&create).await?;
            self.has_table = true;
        }
        // In this order: each assignment sees what the one before has done.
        let beat = format!(
            "INSERT INTO {TABLE} (only_row, epoch, beat) VALUES (1, {epoch}, NOW(3)) \
             ON DUPLICATE KEY UPDATE beat = NOW(3), epoch = GREATEST(epoch, {epoch})"
        );
        self.link.run(&beat).await
    }
}

impl Session for MysqlSession {
    fn report(&mut self) -> Asking<'_, Report> {
        Box::pin(self.read())
    }

    fn beat(&mut self, epoch: u64) -> Asking<'_, ()> {
        Box::pin(self.write(epoch))
    }

    fn ended(&mut self) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        let server = &self.server;
        let sentry = self
            .sentry
            .get_or_insert_with(|| Sentry::post(server.options.clone(), server.address.clone()));
        Box::pin(sentry.ended())
    }
}
