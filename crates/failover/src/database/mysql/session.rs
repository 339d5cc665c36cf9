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

/// Clients that are in a statement.
const RUNNING: &str = "\
SELECT COUNT(*) FROM information_schema.PROCESSLIST
 WHERE USER NOT IN ('system user', 'event_scheduler', SUBSTRING_INDEX(USER(), '@', 1))
   AND COMMAND NOT LIKE 'Binlog Dump%' AND COMMAND NOT IN ('Daemon', 'Connect', 'Sleep')";

/// What InnoDB does, transactions that wait for their next statement included. The table
/// `INNODB_TRX` has them, too, but its content stays the same for as long as it is read more often
/// than every tenth of a second.
const ENGINE_STATUS: &str = "SHOW ENGINE INNODB STATUS";

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
        Ok(Report {
            is_writable: look.is_writable,
            position: look.position,
            enforced: Some(if look.waits { server.cover() } else { Cover::NONE }),
            followers: server.roll.followers(server.node, at, look.waits),
            follows,
            epoch: epoch.unwrap_or_default(),
            busy: None,
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

/// Clients that are in a transaction or a statement; a commit that waits is in both.
async fn busy(link: &mut Link) -> Result<u32, DatabaseError> {
    let (running,): (u32,) = link.row(RUNNING).await?;
    if running > 0 {
        return Ok(running);
    }
    let status = link.named(ENGINE_STATUS).await?.unwrap_or_default();
    Ok(status.get("Status").map_or(0, |text| transactions_of_sessions(text)))
}

/// Transactions that were begun in a session, in what InnoDB says of itself: those of its own
/// threads belong to none.
fn transactions_of_sessions(status: &str) -> u32 {
    let (mut count, mut is_active) = (0, false);
    for line in status.lines() {
        if line.starts_with("---TRANSACTION ") {
            is_active = line.contains(", ACTIVE");
        } else if is_active && line.contains(" thread id ") {
            (count, is_active) = (count + 1, false);
        }
    }
    count
}

impl Session for MysqlSession {
    fn report(&mut self) -> Asking<'_, Report> {
        Box::pin(self.read())
    }

    fn report_with_clients(&mut self) -> Asking<'_, Report> {
        Box::pin(async {
            // Before its position: what they have done until then is in that.
            let busy = busy(&mut self.link).await?;
            Ok(Report { busy: Some(busy), ..self.read().await? })
        })
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn transactions_of_sessions_are_counted_in_what_innodb_says() {
        let status = "\
LIST OF TRANSACTIONS FOR EACH SESSION:
---TRANSACTION 421906, not started
0 lock struct(s), heap size 1128, 0 row lock(s)
---TRANSACTION 193817, ACTIVE 4 sec
1 lock struct(s), heap size 1128, 0 row lock(s), undo log entries 1
MySQL thread id 8, OS thread handle 139, query id 2333 127.0.0.1 reports
---TRANSACTION 193818, ACTIVE (PREPARED) 0 sec committing
MariaDB thread id 9, OS thread handle 140, query id 2334 127.0.0.1 stock starting
---TRANSACTION 193820, ACTIVE 0 sec recovered trx
--------
FILE I/O
I/O thread 0 state: waiting for completed aio requests (insert buffer thread)
";
        assert_eq!(transactions_of_sessions(status), 2);
        assert_eq!(transactions_of_sessions(""), 0);
    }
}
