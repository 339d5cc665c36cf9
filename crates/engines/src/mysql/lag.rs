//! How far a replica is behind: in log that it has not applied, and in time.

use std::time::Duration;

use super::dialect::Dialect;
use super::gtid::History;
use super::replication;
use super::session::Session;
use crate::engine::{EngineError, Lag, Site};

/// The lag of a replica; `None` for a server that follows nobody.
pub(crate) async fn lag(site: &Site) -> Result<Option<Lag>, EngineError> {
    let is_replica = site.spec.replica_of.is_some() || site.spec.is_managed();
    if !is_replica {
        return Ok(None);
    }
    let dialect = Dialect::of(site);
    let mut replica = Session::open(site).await?;
    let Some(status) = replication::status(site, &mut replica).await? else { return Ok(None) };
    let of = |key: &str| status.get(&dialect.status_key(key)).cloned().unwrap_or_default();
    let port = of("Master_Port").parse().unwrap_or_default();
    // The primary is asked first, so what it writes in between can only make the lag look larger.
    let mut primary = Session::open_at(site, &of("Master_Host"), port).await?;
    let written = position(site, &mut primary).await?;
    let is_level = holds_all(site, &mut replica, &written.history).await?;
    let applied = (of("Relay_Master_Log_File"), of("Exec_Master_Log_Pos").parse().unwrap_or(0));
    let behind_s = of("Seconds_Behind_Master").parse().unwrap_or(0);
    Ok(Some(Lag {
        // Positions say nothing of what a replica had when it connected; histories do.
        bytes: if is_level { 0 } else { written.bytes_after(&applied).max(1) },
        replay: if is_level { Duration::ZERO } else { Duration::from_secs(behind_s) },
        streaming: of("Slave_IO_Running") == "Yes",
    }))
}

/// How far a primary has written.
struct Written {
    /// By GTID, in the server's own words.
    history: String,
    /// Its logs and their sizes, oldest first.
    logs: Vec<(String, u64)>,
}

impl Written {
    /// What comes after the place `applied`, a log and a position in it.
    fn bytes_after(&self, (log, position): &(String, u64)) -> u64 {
        let Some(index) = self.logs.iter().position(|(name, _)| name == log) else {
            return self.logs.iter().map(|(_, size)| size).sum();
        };
        let all: u64 = self.logs[index..].iter().map(|(_, size)| size).sum();
        all.saturating_sub(*position)
    }
}

async fn position(site: &Site, primary: &mut Session) -> Result<Written, EngineError> {
    let history = match Dialect::of(site) {
        Dialect::Mariadb => "SELECT @@GLOBAL.gtid_binlog_pos",
        Dialect::Mysql => "SELECT @@GLOBAL.gtid_executed",
    };
    let history: String = primary.value(site, history).await?;
    let logs = primary.pairs::<String, u64>(site, "SHOW BINARY LOGS").await?;
    Ok(Written { history: history.replace('\n', ""), logs })
}

/// Whether the replica has applied all of `history`.
async fn holds_all(site: &Site, replica: &mut Session, history: &str) -> Result<bool, EngineError> {
    match Dialect::of(site) {
        Dialect::Mysql => {
            let query = format!("SELECT GTID_SUBSET('{history}', @@GLOBAL.gtid_executed)");
            Ok(replica.value::<u8>(site, &query).await? == 1)
        }
        Dialect::Mariadb => {
            let applied: String = replica.value(site, "SELECT @@GLOBAL.gtid_slave_pos").await?;
            let (applied, history) = (History::parse(&applied), History::parse(history));
            Ok(applied.zip(history).is_some_and(|(applied, history)| applied.holds(&history)))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_counted_over_the_end_of_a_log() {
        let logs = vec![("binlog.1".to_owned(), 100), ("binlog.2".to_owned(), 50)];
        let written = Written { history: String::new(), logs };
        assert_eq!(written.bytes_after(&("binlog.2".to_owned(), 50)), 0);
        assert_eq!(written.bytes_after(&("binlog.1".to_owned(), 90)), 60);
        assert_eq!(written.bytes_after(&(String::new(), 0)), 150, "nothing applied yet");
    }
}
