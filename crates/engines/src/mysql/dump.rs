//! All that a primary has, copied over SQL while it goes on: data, rights, and the point in its
//! history at which the copy was taken.

use std::path::Path;
use std::time::Duration;

use super::client::{self, CLIENT, ClientLogin, DUMP};
use super::configuration::{REPLICATOR, replicator_password};
use super::dialect::Dialect;
use super::gtid::History;
use super::session::Session;
use crate::engine::{EngineError, Site, TemporaryFile, Upstream};
use crate::wait::wait_until;

/// A gigabyte over loopback takes a minute; this is for a machine that is busy with other things.
const DUMP_WITHIN: Duration = Duration::from_secs(600);

/// The dump connects and begins its transaction in milliseconds. Nobody can write until then.
const SNAPSHOT_WITHIN: Duration = Duration::from_secs(5);

/// What InnoDB does. The table `INNODB_TRX` has transactions, too, but its content stays the same
/// for as long as it is read more often than every tenth of a second.
const ENGINE_STATUS: &str = "SHOW ENGINE INNODB STATUS";

/// While a copy is read, nothing of it has to survive anything: its files are marked as not whole.
const CARELESS: &str = "SET GLOBAL innodb_flush_log_at_trx_commit = 0";
const CAREFUL: &str = "SET GLOBAL innodb_flush_log_at_trx_commit = 1";

/// Fills a fresh server, to which `session` is connected, from the primary, which is running.
pub(super) async fn copy_primary(
    site: &Site,
    upstream: &Upstream,
    session: &mut Session,
) -> Result<(), EngineError> {
    let mut primary = Session::open_at(site, &upstream.host, upstream.port).await?;
    let accounts = accounts(site, &mut primary).await?;
    let copy = TemporaryFile(site.spec.data.join("copy.sql"));
    let history = match Dialect::of(site) {
        Dialect::Mariadb => dump_mariadb(site, upstream, &mut primary, &copy.0).await?,
        Dialect::Mysql => dump_mysql(site, upstream, &mut primary, &copy.0).await?,
    };
    session.run(site, CARELESS).await?;
    load(site, &copy.0).await?;
    drop(copy);
    session.run(site, CAREFUL).await?;
    session.run(site, "SET SESSION sql_log_bin = OFF").await?;
    for statement in &accounts {
        session.run(site, statement).await?;
    }
    for statement in ["RESET MASTER".to_owned()].iter().chain(&history) {
        session.run(site, statement).await?;
    }
    Ok(())
}

/// MariaDB's snapshot knows its place in the log: nobody waits.
async fn dump_mariadb(
    site: &Site,
    upstream: &Upstream,
    primary: &mut Session,
    copy: &Path,
) -> Result<Vec<String>, EngineError> {
    let unreadable = |reason: &str| EngineError::NoAnswer {
        engine: site.name(),
        reason: format!("{reason} in the history of its primary"),
    };
    // Before the snapshot, so it says nothing that the snapshot does not hold.
    let before: String = primary.value(site, "SELECT @@GLOBAL.gtid_binlog_state").await?;
    dump(site, upstream, copy, &["--master-data=2", "--gtid"]).await?;
    let text = std::fs::read(copy).map_err(|source| site.io("read", copy, source))?;
    let position = position_in(&String::from_utf8_lossy(&text)).unwrap_or_default();
    let state = History::parse(&before).ok_or_else(|| unreadable("no list"))?;
    let at = History::parse(&position).ok_or_else(|| unreadable("no position"))?;
    Ok(vec![
        format!("SET GLOBAL gtid_binlog_state = '{}'", state.extended(&at)),
        format!("SET GLOBAL gtid_slave_pos = '{position}'"),
    ])
}

/// What the dump says of its place in the log.
fn position_in(dump: &str) -> Option<String> {
    let line = dump.lines().rev().find_map(|line| line.split_once("SET GLOBAL gtid_slave_pos='"));
    line.and_then(|(_, rest)| rest.split_once('\'')).map(|(position, _)| position.to_owned())
}

/// MySQL does not tell the place of a snapshot, so writers wait while it is taken.
async fn dump_mysql(
    site: &Site,
    upstream: &Upstream,
    primary: &mut Session,
    copy: &Path,
) -> Result<Vec<String>, EngineError> {
    primary.run(site, "FLUSH TABLES WITH READ LOCK").await?;
    let executed: String = primary.value(site, "SELECT @@GLOBAL.gtid_executed").await?;
    let dumping = dump(site, upstream, copy, &[]);
    tokio::pin!(dumping);
    let snapshots = || async {
        let mut watcher = Session::open_at(site, &upstream.host, upstream.port).await.ok()?;
        let status = watcher.named(site, ENGINE_STATUS).await.ok()??;
        has_snapshot(status.get("Status")?).then_some(())
    };
    // A small dump may be over before anybody has seen it begin.
    let (ended, taken) = tokio::select! {
        ended = &mut dumping => (Some(ended), true),
        taken = wait_until(SNAPSHOT_WITHIN, snapshots) => (None, taken.is_some()),
    };
    primary.run(site, "UNLOCK TABLES").await?;
    if !taken {
        let reason = format!("no snapshot of its primary within {SNAPSHOT_WITHIN:?}");
        return Err(EngineError::NoAnswer { engine: site.name(), reason });
    }
    match ended {
        Some(ended) => ended?,
        None => dumping.await?,
    }
    let executed = executed.replace('\n', "");
    Ok(vec![format!("SET GLOBAL gtid_purged = '{executed}'")])
}

/// Whether, by what InnoDB says of itself, the dump has a transaction: its only one, the snapshot.
fn has_snapshot(status: &str) -> bool {
    let mut is_active = false;
    status.lines().any(|line| {
        if line.starts_with("---TRANSACTION ") {
            is_active = line.contains(", ACTIVE");
        }
        let is_of_dump = || line.split_whitespace().any(|word| word == REPLICATOR);
        is_active && line.contains(" thread id ") && is_of_dump()
    })
}

/// Writes all databases but the server's own into `copy`, from one snapshot.
async fn dump(
    site: &Site,
    upstream: &Upstream,
    copy: &Path,
    options: &[&str],
) -> Result<(), EngineError> {
    let login = ClientLogin {
        host: upstream.host.clone(),
        port: upstream.port,
        role: REPLICATOR,
        password: replicator_password(site),
    };
    // MySQL takes a first login without TLS only when the client can encrypt the password, which
    // MariaDB's cannot. It remembers that it has seen the password once.
    drop(Session::open_as(site, &login).await?);
    let (command, _login) = client::command(site, DUMP, &login)?;
    let ours = Dialect::of(site).system_databases();
    let mut command = command.arguments(options).arguments([
        "--single-transaction",
        "--routines",
        "--events",
        "--triggers",
        "--hex-blob",
        "--all-databases",
    ]);
    command = command.arguments(ours.iter().map(|name| format!("--ignore-database={name}")));
    command = command.arguments(["--result-file".into(), copy.as_os_str().to_owned()]);
    site.run(command, DUMP_WITHIN).await.map(drop)
}

/// Reads `copy` into the site's own server, outside of its history.
async fn load(site: &Site, copy: &Path) -> Result<(), EngineError> {
    let (command, _login) = client::command(site, CLIENT, &ClientLogin::own(site))?;
    let command = command.arguments([
        "--init-command=SET SESSION sql_log_bin = OFF".to_owned(),
        format!("--execute=source {}", copy.display()),
    ]);
    site.run(command, DUMP_WITHIN).await.map(drop)
}

/// Statements that give a server the same users with the same rights. Ours are there already, and
/// what services may do was granted by scripts.
async fn accounts(site: &Site, primary: &mut Session) -> Result<Vec<String>, EngineError> {
    let query = "SELECT concat('''', user, '''@''', host, '''') FROM mysql.user \
        WHERE user NOT IN ('', 'root', 'PUBLIC', 'mariadb.sys', 'standfast', 'replicator') \
        AND user NOT LIKE 'mysql.%' AND host <> ''";
    if Dialect::of(site) == Dialect::Mysql {
        primary.run(site, "SET SESSION print_identified_with_as_hex = ON").await?;
    }
    let mut statements = Vec::new();
    for account in primary.column::<String>(site, query).await? {
        let created: String = primary.value(site, &format!("SHOW CREATE USER {account}")).await?;
        statements.push(created.replacen("CREATE USER", "CREATE USER IF NOT EXISTS", 1));
        let query = format!("SHOW GRANTS FOR {account}");
        statements.extend(primary.column::<String>(site, &query).await?);
    }
    Ok(statements)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_snapshot_is_seen_by_the_transaction_of_the_dump() {
        let session = "MySQL thread id 7, OS thread handle 1, query id 2 127.0.0.1";
        let idle = format!("---TRANSACTION 421, not started\n{session} replicator Source has sent");
        let writer = format!("---TRANSACTION 193, ACTIVE 0 sec\n{session} reports");
        let dump = writer.replace("reports", "replicator starting");
        assert!(!has_snapshot(&format!("{idle}\n{writer}\n{idle}")));
        assert!(has_snapshot(&format!("{idle}\n{writer}\n{dump}\n")));
    }

    #[test]
    fn the_place_of_a_snapshot_is_read_from_the_end_of_a_dump() {
        let dump = "INSERT INTO `t` VALUES ('x');\n\n-- SET GLOBAL gtid_slave_pos='0-7-5';\n-- End";
        assert_eq!(position_in(dump).as_deref(), Some("0-7-5"));
        assert_eq!(position_in("-- Dump completed"), None);
    }
}
