//! MariaDB: positions are `gtid_binlog_pos`, and the server itself waits for its replica.
//!
//! A replica acknowledges what it has received, not what it has applied, and a restart drops the
//! difference. So nobody is sealed before all of it is applied.

use std::collections::BTreeMap;

use tokio::time::sleep;

use super::DURABLE;
use super::link::Link;
use super::roll::Word;
use super::server::{LOOK_EVERY, Server};
use super::session::Look;
use crate::core::{Cover, Position};
use crate::database::DatabaseError;

/// Eleven days: at the default of ten seconds commits would go on without a copy.
const TIMEOUT_MS: u64 = 1_000_000_000;

/// The start of the server does not move, other than its age: it is the same in each look.
const STATE: &str = "\
SELECT LOWER(VARIABLE_NAME), VARIABLE_VALUE FROM information_schema.GLOBAL_STATUS
 WHERE VARIABLE_NAME IN ('RPL_SEMI_SYNC_MASTER_STATUS', 'RPL_SEMI_SYNC_SLAVE_STATUS')
 UNION ALL SELECT 'started', CAST(UNIX_TIMESTAMP() - VARIABLE_VALUE AS UNSIGNED)
   FROM information_schema.GLOBAL_STATUS WHERE VARIABLE_NAME = 'UPTIME'
 UNION ALL SELECT 'number', @@GLOBAL.server_id
 UNION ALL SELECT 'binlog', @@GLOBAL.gtid_binlog_pos
 UNION ALL SELECT 'applied', @@GLOBAL.gtid_slave_pos
 UNION ALL SELECT 'read_only', @@GLOBAL.read_only
 UNION ALL SELECT 'waits', @@GLOBAL.rpl_semi_sync_master_enabled
   AND @@GLOBAL.rpl_semi_sync_master_wait_no_slave
   AND @@GLOBAL.rpl_semi_sync_master_wait_point = 'AFTER_SYNC'
   AND @@GLOBAL.rpl_semi_sync_master_timeout >= 1000000000";

/// What a server says of itself.
struct State {
    is_read_only: bool,
    waits: bool,
    is_semi_sync: bool,
    life: u64,
    number: Option<u32>,
    /// Of all that it has done.
    done: BTreeMap<u32, u64>,
    replication: Option<Replication>,
}

/// What it says as a replica.
struct Replication {
    host: String,
    port: u16,
    sender: String,
    receives: bool,
    applies: bool,
    problem: String,
    received: BTreeMap<u32, u64>,
}

impl State {
    async fn read(link: &mut Link) -> Result<Self, DatabaseError> {
        // What was received is asked first: it is no more than what the rest tells of.
        let status = link.named("SHOW SLAVE STATUS").await?;
        let state = link.pairs(STATE).await?;
        let of = |key: &str| state.get(key).map(String::as_str).unwrap_or_default();
        let mut done = positions(link, of("binlog"))?;
        merge(&mut done, &positions(link, of("applied"))?);
        let replication = match status {
            None => None,
            Some(status) => Some(Replication::of(link, &status)?),
        };
        Ok(Self {
            is_read_only: of("read_only") != "0",
            waits: of("waits") == "1" && of("rpl_semi_sync_master_status") == "ON",
            is_semi_sync: of("rpl_semi_sync_slave_status") == "ON",
            life: of("started").parse().unwrap_or_default(),
            number: of("number").parse().ok(),
            done,
            replication,
        })
    }

    /// What it would have if it were promoted now.
    fn position(&self) -> Position {
        let mut all = self.done.clone();
        if let Some(replication) = &self.replication {
            merge(&mut all, &replication.received);
        }
        Position::Domains(all)
    }

    fn has_applied_all(&self) -> bool {
        Position::Domains(self.done.clone()).holds(&self.position())
    }
}

impl Replication {
    fn of(link: &Link, status: &BTreeMap<String, String>) -> Result<Self, DatabaseError> {
        let of = |key: &str| status.get(key).cloned().unwrap_or_default();
        let problems = [of("Last_SQL_Error"), of("Last_IO_Error")];
        Ok(Self {
            host: of("Master_Host"),
            port: of("Master_Port").parse().unwrap_or_default(),
            sender: of("Master_Server_Id"),
            receives: of("Slave_IO_Running") == "Yes",
            applies: of("Slave_SQL_Running") == "Yes",
            problem: problems.into_iter().find(|text| !text.is_empty()).unwrap_or_default(),
            received: positions(link, &of("Gtid_IO_Pos"))?,
        })
    }
}

pub(super) async fn look(link: &mut Link, server: &Server) -> Result<Look, DatabaseError> {
    let state = State::read(link).await?;
    if let Some(number) = state.number {
        server.roll.number(server.node, number);
    }
    let position = state.position();
    let follows = state
        .replication
        .as_ref()
        .filter(|replica| replica.receives && replica.applies)
        .and_then(|replica| server.sender((&replica.host, replica.port), &replica.sender));
    let word = follows.map(|follows| Word {
        follows,
        holds: position.clone(),
        applied: Position::Domains(state.done.clone()),
        acknowledges: state.is_semi_sync,
        life: state.life,
    });
    Ok(Look { is_writable: !state.is_read_only, waits: state.waits, position, word })
}

pub(super) async fn enforce(link: &mut Link, cover: Cover) -> Result<(), DatabaseError> {
    if cover == Cover::NONE {
        return link.run("SET GLOBAL rpl_semi_sync_master_enabled = OFF").await;
    }
    let rule = format!(
        "SET GLOBAL rpl_semi_sync_master_timeout = {TIMEOUT_MS}, \
         GLOBAL rpl_semi_sync_master_wait_no_slave = ON, \
         GLOBAL rpl_semi_sync_master_wait_point = 'AFTER_SYNC'"
    );
    link.run(&rule).await?;
    link.run("SET GLOBAL rpl_semi_sync_master_enabled = ON").await
}

pub(super) async fn seal(link: &mut Link, server: &Server) -> Result<Position, DatabaseError> {
    let before = server.roll.last(server.node);
    let state = drain(link).await?;
    let position = state.position();
    match before.and_then(|word| word.loss(state.life, &position)) {
        Some(loss) => Err(link.failed(loss)),
        None => Ok(position),
    }
}

/// Receives nothing more, and applies what there is.
async fn drain(link: &mut Link) -> Result<State, DatabaseError> {
    link.run("STOP SLAVE IO_THREAD").await?;
    loop {
        let state = State::read(link).await?;
        if state.has_applied_all() {
            return Ok(state);
        }
        let broken = state.replication.as_ref().filter(|replica| !replica.applies);
        if let Some(Replication { problem, .. }) = broken {
            let problem = format!("it does not apply what it has received: {problem}");
            return Err(link.failed(problem));
        }
        sleep(LOOK_EVERY).await;
    }
}

pub(super) async fn promote(link: &mut Link) -> Result<(), DatabaseError> {
    if link.named("SHOW SLAVE STATUS").await?.is_some() {
        drain(link).await?;
        link.run("STOP SLAVE").await?;
        // While nobody writes, and only for a replica: a primary that is opened again may have
        // somebody to wait for.
        link.run("SET GLOBAL rpl_semi_sync_master_enabled = OFF").await?;
        link.run("RESET SLAVE ALL").await?;
    }
    link.run(DURABLE).await?;
    link.run("SET GLOBAL read_only = OFF").await
}

/// `domain-server-sequence,…`: the last sequence number of each domain.
fn positions(link: &Link, text: &str) -> Result<BTreeMap<u32, u64>, DatabaseError> {
    parse(text).ok_or_else(|| link.failed(format!("`{text}` is no list of GTIDs")))
}

fn parse(text: &str) -> Option<BTreeMap<u32, u64>> {
    let mut positions = BTreeMap::new();
    for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
        let mut fields = part.split('-');
        let (domain, _server) = (fields.next()?.parse().ok()?, fields.next()?);
        let sequence: u64 = fields.next()?.parse().ok()?;
        if fields.next().is_some() {
            return None;
        }
        let last: &mut u64 = positions.entry(domain).or_default();
        *last = sequence.max(*last);
    }
    Some(positions)
}

fn merge(into: &mut BTreeMap<u32, u64>, other: &BTreeMap<u32, u64>) {
    for (domain, sequence) in other {
        let last = into.entry(*domain).or_default();
        *last = (*last).max(*sequence);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_each_domain_the_last_transaction_counts_whoever_wrote_it() {
        assert_eq!(parse("0-1-7,0-2-9, 3-1-4"), Some([(0, 9), (3, 4)].into()));
        assert_eq!(parse(""), Some(BTreeMap::new()));
        for wrong in ["0-1", "a-1-2", "0-1-2-3", "0-1-x"] {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn what_was_received_and_not_applied_is_had_but_not_done() {
        let replication = |sequence| Replication {
            sender: String::new(),
            host: String::new(),
            port: 0,
            receives: true,
            applies: true,
            problem: String::new(),
            received: [(0, sequence)].into(),
        };
        let state = |sequence| State {
            number: None,
            is_read_only: true,
            waits: false,
            is_semi_sync: true,
            life: 1,
            done: [(0, 7)].into(),
            replication: Some(replication(sequence)),
        };
        assert_eq!(state(9).position(), Position::Domains([(0, 9)].into()));
        assert!(!state(9).has_applied_all());
        assert!(state(7).has_applied_all() && state(6).has_applied_all());
    }
}
