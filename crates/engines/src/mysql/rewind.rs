//! What an old primary of MySQL had committed and nobody else has is taken back, row by row.
//!
//! MySQL has no rewind. A primary that died has usually committed something in its last millisecond
//! that no replica has received, and copying everything anew for one row takes longer the more
//! there is. But its log has each row as it was before, and nothing came after these transactions:
//! so their changes are undone in reverse order, as `mariadb-binlog --flashback` writes them down.
//! The server finds each row that it is to change, or stops. After that its history is made to end
//! where that of its primary goes on.
//!
//! The numbers of these transactions must never be given to others: who waits for a replica to have
//! one of them would take the other for it. So a server whose log ends with what nobody else has is
//! another one from its next start on, by its UUID.
//!
//! Where that cannot be done (see `binlog`, and foreign keys that change other rows without a word
//! in the log) the answer is an error, and a copy is left.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::binlog::{self, Found, Tail};
use super::client;
use super::configuration::files_folder;
use super::gtid_set::GtidSet;
use super::replacement;
use super::session::Session;
use crate::engine::{EngineError, Site, TemporaryFile};

const FLASHBACK: &str = "mariadb-binlog";

/// Names the logs, oldest first.
const LOG_INDEX: &str = "binlog.index";

/// Has the UUID. Who finds none makes one.
const IDENTITY: &str = "auto.cnf";

/// What nobody waited for is a few transactions: as many as there are clients. More than this is no
/// accident of the last millisecond.
const TRANSACTIONS_MAX: u64 = 10_000;

/// Of what they changed, as statements.
const STATEMENTS_BYTES_MAX: usize = 32 << 20;

/// It takes milliseconds; half of it done is a copy of everything.
const WITHIN: Duration = Duration::from_secs(30);

/// Lets a stopped server be another one when it starts, if its log ends with what is not among
/// `known`.
pub(super) async fn renew_identity(site: &Site, known: &str) -> Result<(), EngineError> {
    let Some(known) = GtidSet::parse(known) else { return Ok(()) };
    let files = files_folder(&site.spec.data);
    let index = files.join(LOG_INDEX);
    let text = fs::read_to_string(&index).map_err(|source| site.io("read", &index, source))?;
    let newest_first: Vec<PathBuf> = text.lines().rev().map(|name| files.join(name)).collect();
    let search = move || {
        for log in newest_first {
            let more = binlog::has_more_than(&log, &known);
            if let Some(more) = more.map_err(|source| (log, source))? {
                return Ok(more);
            }
        }
        Ok(false)
    };
    let has_more = tokio::task::spawn_blocking(search).await.expect("reading a log cannot panic");
    if has_more.map_err(|(log, source): (PathBuf, io::Error)| site.io("read", &log, source))? {
        let identity = files.join(IDENTITY);
        fs::remove_file(&identity).map_err(|source| site.io("remove", &identity, source))?;
    }
    Ok(())
}

/// Undoes the transactions `tail`, the last ones of this server, which runs and takes no writes.
/// They are kept aside.
///
/// # Errors
/// When they cannot be undone, or were undone by half: its files are marked as not whole then.
pub(super) async fn rewind(
    site: &Site,
    session: &mut Session,
    tail: &str,
) -> Result<(), EngineError> {
    let unfit = |problem: &str| EngineError::Diverged {
        engine: site.name(),
        tail: format!("{tail}, which cannot be taken back: {problem}"),
    };
    let set = GtidSet::parse(tail).ok_or_else(|| unfit("that is no set"))?;
    if set.count() > TRANSACTIONS_MAX {
        return Err(unfit("these are too many"));
    }
    let own: String = session.value(site, "SELECT @@GLOBAL.server_uuid").await?;
    if set.is_of(&own) {
        return Err(unfit("their numbers would be given once more"));
    }
    let (log, tail_of_log) = match find(site, session, set).await? {
        Ok(found) => found,
        Err(problem) => return Err(unfit(&problem)),
    };
    if let Some(table) = table_with_cascades(site, session, &tail_of_log).await? {
        return Err(unfit(&format!("changes of `{table}` change other tables, too")));
    }
    let undo = undo(site, &log, tail_of_log.start).await?;
    let Some((format, changes)) = undo.split_first() else {
        return Err(unfit("there is nothing to be undone"));
    };
    replacement::begin_rewind(site, &log)?;
    session.run_within(site, WITHIN, "SET GLOBAL super_read_only = OFF").await?;
    session.run_within(site, WITHIN, "SET SESSION sql_log_bin = OFF").await?;
    session.run_within(site, WITHIN, format).await?;
    // The description of a log leaves this to whoever reads one.
    session.run_within(site, WITHIN, "SET SESSION gtid_next = 'AUTOMATIC'").await?;
    session.run_within(site, WITHIN, "START TRANSACTION").await?;
    for change in changes {
        session.run_within(site, WITHIN, change).await?;
    }
    session.run_within(site, WITHIN, "COMMIT").await?;
    forget(site, session, tail).await?;
    session.run_within(site, WITHIN, "SET GLOBAL super_read_only = ON").await?;
    replacement::finish(site)
}

/// The log that ends with these transactions, or why there is none.
async fn find(
    site: &Site,
    session: &mut Session,
    wanted: GtidSet,
) -> Result<Result<(PathBuf, Tail), String>, EngineError> {
    let files = files_folder(&site.spec.data);
    let logs: Vec<String> = session.column(site, "SHOW BINARY LOGS").await?;
    let newest_first: Vec<PathBuf> = logs.iter().rev().map(|name| files.join(name)).collect();
    let search = move || {
        for log in newest_first {
            match binlog::find(&log, &wanted).map_err(|source| (log.clone(), source))? {
                Found::Empty => {}
                Found::Tail(tail) => return Ok(Ok((log, tail))),
                Found::Unfit(problem) => return Ok(Err(problem)),
            }
        }
        Ok(Err("its logs do not have them".to_owned()))
    };
    let found = tokio::task::spawn_blocking(search).await.expect("reading a log cannot panic");
    found.map_err(|(log, source)| site.io("read", &log, source))
}

/// A table among those of `tail` of which a change changes others without being logged there.
async fn table_with_cascades(
    site: &Site,
    session: &mut Session,
    tail: &Tail,
) -> Result<Option<String>, EngineError> {
    let query = "SELECT constraint_schema, referenced_table_name \
        FROM information_schema.referential_constraints \
        WHERE delete_rule NOT IN ('RESTRICT', 'NO ACTION') \
        OR update_rule NOT IN ('RESTRICT', 'NO ACTION')";
    let parents = session.pairs::<String, String>(site, query).await?;
    // A key may lead into another database: the name alone is enough to be careful.
    let mut names = parents.into_iter().map(|(_, table)| table);
    Ok(names.find(|name| tail.tables.iter().any(|(_, table)| table == name)))
}

/// Statements that undo what `log` has from `start` on. The first one describes the log.
async fn undo(site: &Site, log: &Path, start: u64) -> Result<Vec<String>, EngineError> {
    let folder = client::folder_with(&site.installation.path);
    let program = folder.map(|folder| folder.join(FLASHBACK)).filter(|program| program.is_file());
    let program = program.ok_or_else(|| EngineError::NoRuntime {
        engine: site.name(),
        runtime: "MariaDB's flashback",
    })?;
    let result = TemporaryFile(site.spec.data.join("undo.sql"));
    let command = site.command(program).arguments([
        "--no-defaults".to_owned(),
        "--flashback".to_owned(),
        format!("--start-position={start}"),
        format!("--result-file={}", result.0.display()),
        log.display().to_string(),
    ]);
    site.run(command, WITHIN).await?;
    let text = fs::read(&result.0).map_err(|source| site.io("read", &result.0, source))?;
    if text.len() > STATEMENTS_BYTES_MAX {
        let reason = format!("what undoes its last transactions has {} bytes", text.len());
        return Err(EngineError::NoAnswer { engine: site.name(), reason });
    }
    Ok(statements(&String::from_utf8_lossy(&text)))
}

/// The changes of rows in what the program writes. What else it says is for MariaDB.
fn statements(text: &str) -> Vec<String> {
    let parts = text.split("\nBINLOG '").skip(1);
    parts
        .filter_map(|part| part.split_once('\''))
        .map(|(rows, _)| format!("BINLOG '{rows}'"))
        .collect()
}

/// Makes its history one in which `tail` has never been.
async fn forget(site: &Site, session: &mut Session, tail: &str) -> Result<(), EngineError> {
    let query = format!("SELECT GTID_SUBTRACT(@@GLOBAL.gtid_executed, '{tail}')");
    let left: String = session.value(site, &query).await?;
    session.run_within(site, WITHIN, "RESET MASTER").await?;
    let left = left.replace('\n', "");
    session.run_within(site, WITHIN, &format!("SET GLOBAL gtid_purged = '{left}'")).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_what_flashback_writes_only_rows_are_taken() {
        let text = "DELIMITER /*!*/;\n#1 Start: v 8\nBINLOG '\ns5oD\nCigA\n'/*!*/;\n#2 Xid = 33\n\
                    START TRANSACTION/*!*/;\nBINLOG '\nAAAA\n'/*!*/;\n### it's\nCOMMIT\n/*!*/;\n";
        assert_eq!(statements(text), ["BINLOG '\ns5oD\nCigA\n'", "BINLOG '\nAAAA\n'"]);
        assert_eq!(statements("DELIMITER ;\n"), Vec::<String>::new());
    }
}
