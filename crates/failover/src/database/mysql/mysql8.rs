//! MySQL 8: positions are sets of GTIDs, and the writers wait for the replica themselves.
//!
//! Some builds have no semi-synchronous replication. Instead there is a table in the database of
//! the URL, `replication_duty (id, required)` with one row, the same as in `reports.sql` of
//! `order-saga`: whoever commits reads it *afterwards*, and while it says 1 does not acknowledge
//! before the replica has executed the commit. So a commit whose writer has read 0 is older than
//! the change to 1, and among what the replica has to catch up with. The row is each server's own
//! and not replicated.

use super::DURABLE;
use super::link::Link;
use super::roll::Word;
use super::server::Server;
use super::session::Look;
use crate::core::{Cover, GtidSet, Position};
use crate::database::DatabaseError;

/// Less than a watchdog gives it, so that a failure is told as one.
const DRAIN_SECONDS: f64 = 4.5;

/// What it says as a replica.
struct Replication {
    host: String,
    port: u16,
    sender: String,
    is_running: bool,
    received: String,
}

impl Replication {
    async fn read(link: &mut Link) -> Result<Option<Self>, DatabaseError> {
        let status = link.named("SHOW REPLICA STATUS").await?;
        Ok(status.map(|status| {
            let of = |key: &str| status.get(key).cloned().unwrap_or_default();
            let is_running = |key: &str| of(key) == "Yes";
            Self {
                host: of("Source_Host"),
                port: of("Source_Port").parse().unwrap_or_default(),
                sender: of("Source_Server_Id"),
                is_running: is_running("Replica_IO_Running") && is_running("Replica_SQL_Running"),
                received: of("Retrieved_Gtid_Set").replace('\n', ""),
            }
        }))
    }
}

pub(super) async fn look(link: &mut Link, server: &Server) -> Result<Look, DatabaseError> {
    let replication = Replication::read(link).await?;
    let required = link.row_if_any(&standing(server)).await?.unwrap_or(0_u8);
    let query = "SELECT @@GLOBAL.read_only, @@GLOBAL.gtid_executed, @@GLOBAL.server_id";
    let (read_only, executed, number): (u8, String, u32) = link.row(query).await?;
    server.roll.number(server.node, number);
    let received = replication.as_ref().map_or("", |replica| replica.received.as_str());
    let position = position(link, &format!("{executed},{received}"))?;
    let executed = self::position(link, &executed)?;
    let follows = replication
        .filter(|replica| replica.is_running)
        .and_then(|replica| server.sender((&replica.host, replica.port), &replica.sender));
    // What is executed survives a restart, so that its life does not matter.
    let word = follows.map(|follows| {
        let applied = executed.clone();
        Word { follows, holds: executed, applied, acknowledges: true, life: 0 }
    });
    Ok(Look { is_writable: read_only == 0, waits: required == 1, position, word })
}

pub(super) async fn enforce(
    link: &mut Link,
    server: &Server,
    cover: Cover,
) -> Result<(), DatabaseError> {
    let has_table = link.row_if_any::<u8>(&standing(server)).await?.is_some();
    match (cover == Cover::NONE, has_table) {
        (true, false) => Ok(()),
        (false, false) => {
            let table = table(server);
            Err(link.failed(format!("nobody waits for a replica: it has no row in {table}")))
        }
        (is_none, true) => set_required(link, server, u8::from(!is_none)).await,
    }
}

pub(super) async fn seal(link: &mut Link, server: &Server) -> Result<Position, DatabaseError> {
    let before = server.roll.last(server.node);
    drain(link).await?;
    let (executed,): (String,) = link.row("SELECT @@GLOBAL.gtid_executed").await?;
    let position = position(link, &executed)?;
    match before.and_then(|word| word.loss(word.life, &position)) {
        Some(loss) => Err(link.failed(loss)),
        None => Ok(position),
    }
}

/// Receives nothing more, and executes what there is.
async fn drain(link: &mut Link) -> Result<(), DatabaseError> {
    link.run("STOP REPLICA IO_THREAD").await?;
    let Some(replication) = Replication::read(link).await? else { return Ok(()) };
    let received = &replication.received;
    let wait = format!("SELECT WAIT_FOR_EXECUTED_GTID_SET('{received}', {DRAIN_SECONDS})");
    match link.row(&wait).await? {
        (0_u8,) => Ok(()),
        _ => Err(link.failed(format!("it has not executed all of {received}"))),
    }
}

pub(super) async fn promote(link: &mut Link, server: &Server) -> Result<(), DatabaseError> {
    if Replication::read(link).await?.is_some() {
        drain(link).await?;
        link.run("STOP REPLICA").await?;
        // Still closed to everybody but administrators. Only a replica's duty ends: that of a
        // primary which is opened again is what its claim rests on.
        link.run("SET GLOBAL super_read_only = OFF").await?;
        if link.row_if_any::<u8>(&standing(server)).await?.is_some() {
            set_required(link, server, 0).await?;
        }
        link.run("RESET REPLICA ALL").await?;
    }
    link.run(DURABLE).await?;
    link.run("SET GLOBAL read_only = OFF").await
}

async fn set_required(link: &mut Link, server: &Server, required: u8) -> Result<(), DatabaseError> {
    link.run("SET SESSION sql_log_bin = 0").await?;
    let table = table(server);
    link.run(&format!("UPDATE {table} SET required = {required} WHERE id = 1")).await
}

fn table(server: &Server) -> String {
    format!("`{}`.replication_duty", server.schema.replace('`', "``"))
}

fn standing(server: &Server) -> String {
    format!("SELECT required FROM {} WHERE id = 1", table(server))
}

fn position(link: &Link, text: &str) -> Result<Position, DatabaseError> {
    let set: Result<GtidSet, _> = text.parse();
    set.map(Position::Transactions).map_err(|error| link.failed(error.to_string()))
}
