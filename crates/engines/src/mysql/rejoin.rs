//! An old primary becomes a replica: with its own files, when all that they hold is known to the
//! new primary or can be taken back, else with a copy of the new primary's.

use std::ffi::OsString;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

use super::create::fill;
use super::dialect::Dialect;
use super::gtid::History;
use super::session::Session;
use super::workshop::Workshop;
use super::{configuration, replacement, rewind, template};
use crate::engine::{EngineError, Rejoined, Site, Upstream};

/// MariaDB's recovery of a replica: transactions that wait in the log for an acknowledgement were
/// acknowledged to nobody, and are cut off instead of committed.
const AS_REPLICA: &str = "--init-rpl-role=SLAVE";

/// What it says when it has done so.
const TRUNCATED: &str = "truncated binlog file";

/// Brings the files of a stopped MariaDB to a state from which it can follow `upstream`. It does
/// not run afterwards, and has not been told whom to follow.
///
/// # Errors
/// When its files cannot be used: it does not start, or holds what the primary does not know.
/// [`clone`] is left then.
pub(crate) async fn reconcile(site: &Site, upstream: &Upstream) -> Result<Rejoined, EngineError> {
    check_whole(site)?;
    configuration::write(site)?;
    let log_before = std::fs::metadata(&site.spec.log).map_or(0, |log| log.len());
    let workshop = Workshop::open(site, [OsString::from(AS_REPLICA)]).await?;
    let mut own = Session::open(site).await?;
    let mut primary = Session::open_at(site, &upstream.host, upstream.port).await?;
    // What it may still be told to apply by an earlier primary is of no interest any more.
    own.run(site, Dialect::Mariadb.stop_replication()).await?;
    let held = unknown_of_mariadb(site, &mut own, &mut primary).await?;
    drop(own);
    workshop.close().await?;
    if let Some(tail) = held {
        return Err(EngineError::Diverged { engine: site.name(), tail });
    }
    let was_truncated = text_after(&site.spec.log, log_before).contains(TRUNCATED);
    Ok(if was_truncated { Rejoined::Rewound } else { Rejoined::Replayed })
}

/// Readies the files of a stopped MySQL for a start after which it is reconciled with `upstream`.
///
/// # Errors
/// When something was begun with its files and not finished, or they cannot be read.
pub(crate) async fn prepare_to_reconcile(
    site: &Site,
    upstream: &Upstream,
) -> Result<(), EngineError> {
    check_whole(site)?;
    let mut primary = Session::open_at(site, &upstream.host, upstream.port).await?;
    let known: String = primary.value(site, "SELECT @@GLOBAL.gtid_executed").await?;
    rewind::renew_identity(site, &known).await
}

/// Brings a MySQL that was started as nobody's replica to a state from which it can follow
/// `upstream`, while it runs: another start would take as long as all the rest.
///
/// # Errors
/// When it holds what the primary does not know, and that cannot be taken back. [`clone`] is left
/// then.
pub(crate) async fn reconcile_running(
    site: &Site,
    upstream: &Upstream,
) -> Result<Rejoined, EngineError> {
    let mut own = Session::open(site).await?;
    let mut primary = Session::open_at(site, &upstream.host, upstream.port).await?;
    own.run(site, Dialect::Mysql.stop_replication()).await?;
    match unknown_of_mysql(site, &mut own, &mut primary).await? {
        None => Ok(Rejoined::Replayed),
        Some(tail) => {
            rewind::rewind(site, &mut own, &tail).await?;
            tracing::info!(engine = site.name(), tail, "took back what nobody else has");
            Ok(Rejoined::Rewound)
        }
    }
}

/// Whether nothing was begun with its files and not finished.
fn check_whole(site: &Site) -> Result<(), EngineError> {
    match replacement::is_unfinished(site) {
        true => Err(EngineError::HalfCopied { engine: site.name() }),
        false => Ok(()),
    }
}

/// Makes its files again from the primary, which runs. The old ones are put aside.
pub(crate) async fn clone(site: &Site, upstream: &Upstream) -> Result<Rejoined, EngineError> {
    replacement::begin(site)?;
    template::initialise(site, &site.spec.data).await?;
    fill(site, Some(upstream)).await?;
    replacement::finish(site)?;
    Ok(Rejoined::Cloned)
}

/// What it holds and the primary does not, in the server's words; `None` when there is nothing.
async fn unknown_of_mariadb(
    site: &Site,
    own: &mut Session,
    primary: &mut Session,
) -> Result<Option<String>, EngineError> {
    let state = "SELECT @@GLOBAL.gtid_binlog_state";
    let (ours, theirs): (String, String) =
        (own.value(site, state).await?, primary.value(site, state).await?);
    let known = History::parse(&theirs).zip(History::parse(&ours));
    if !known.is_some_and(|(theirs, ours)| theirs.holds(&ours)) {
        return Ok(Some(format!("{ours} against {theirs}")));
    }
    let at: String = own.value(site, "SELECT @@GLOBAL.gtid_binlog_pos").await?;
    if !at.is_empty() {
        own.run(site, &format!("SET GLOBAL gtid_slave_pos = '{at}'")).await?;
    }
    Ok(None)
}

/// The same, of MySQL.
async fn unknown_of_mysql(
    site: &Site,
    own: &mut Session,
    primary: &mut Session,
) -> Result<Option<String>, EngineError> {
    let ours: String = own.value(site, "SELECT @@GLOBAL.gtid_executed").await?;
    let ours = ours.replace('\n', "");
    let query = format!("SELECT GTID_SUBTRACT('{ours}', @@GLOBAL.gtid_executed)");
    let tail: String = primary.value(site, &query).await?;
    Ok((!tail.is_empty()).then_some(tail))
}

/// What was written to the log since it had `offset` bytes.
fn text_after(log: &Path, offset: u64) -> String {
    let mut bytes = Vec::new();
    let read = File::open(log).and_then(|mut file| {
        file.seek(SeekFrom::Start(offset))?;
        file.read_to_end(&mut bytes)
    });
    if let Err(error) = read {
        tracing::debug!(log = %log.display(), %error, "cannot read a log");
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
