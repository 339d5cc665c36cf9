//! A new data folder: the template with this instance's roles, or a copy of the primary.

use std::path::Path;
use std::time::Duration;

use super::configuration::{self, MAINTENANCE_DATABASE, REPLICATOR, SUPERUSER};
use super::{replica, role, template};
use crate::copy_tree::copy_tree;
use crate::engine::{EngineError, Site};
use crate::home::Home;
use crate::process::Exit;

/// Single-user mode starts, does its few statements and makes a checkpoint.
const SINGLE_USER_WITHIN: Duration = Duration::from_secs(60);

/// PostgreSQL cuts longer names off.
const NAME_BYTES_MAX: usize = 63;

/// Makes the data folder. A replica needs its primary to be running.
pub(crate) async fn create(site: &Site, home: &Home) -> Result<(), EngineError> {
    site.make_parent(&site.spec.data)?;
    if let Some(upstream) = &site.spec.replica_of {
        replica::copy(site, upstream).await?;
        role::write_signal(site)?;
        return configuration::write(site);
    }
    let statements = statements(site)?;
    let template = template::template(site, home).await?;
    let data = site.spec.data.clone();
    tokio::task::spawn_blocking(move || copy_tree(&template, &data))
        .await
        .expect("a copy cannot panic")?;
    configuration::write(site)?;
    single_user(site, &site.spec.data, MAINTENANCE_DATABASE, &statements).await
}

/// Roles with this instance's passwords, and the database with its least privileged user.
fn statements(site: &Site) -> Result<Vec<String>, EngineError> {
    let secrets = &site.spec.secrets;
    let mut statements = vec![
        format!("ALTER ROLE {SUPERUSER} PASSWORD '{}'", secrets.superuser),
        format!("CREATE ROLE {REPLICATOR} LOGIN REPLICATION PASSWORD '{}'", secrets.replicator),
    ];
    if let Some(user) = &site.spec.user {
        check_name(site, user)?;
        let password = &secrets.application;
        statements.push(format!("CREATE ROLE \"{user}\" LOGIN PASSWORD '{password}'"));
    }
    if let Some(database) = &site.spec.database {
        check_name(site, database)?;
        statements.push(format!("CREATE DATABASE \"{database}\""));
        statements.push(format!("REVOKE ALL ON DATABASE \"{database}\" FROM PUBLIC"));
        if let Some(user) = &site.spec.user {
            statements.push(format!("GRANT CONNECT ON DATABASE \"{database}\" TO \"{user}\""));
        }
    }
    Ok(statements)
}

fn check_name(site: &Site, name: &str) -> Result<(), EngineError> {
    let is_letter = |letter: char| letter.is_ascii_lowercase() || letter == '_';
    let starts_well = name.starts_with(is_letter);
    let is_whole = name.chars().all(|letter| is_letter(letter) || letter.is_ascii_digit());
    if starts_well && is_whole && name.len() <= NAME_BYTES_MAX {
        return Ok(());
    }
    Err(EngineError::Name { engine: site.name(), name: name.to_owned() })
}

/// Executes statements without a network in between: nobody can connect before the passwords are
/// set, and none of them shows on a command line.
pub(super) async fn single_user(
    site: &Site,
    data: &Path,
    database: &str,
    statements: &[String],
) -> Result<(), EngineError> {
    let mut command = site.command(site.installation.path.join("postgres")).arguments(["--single"]);
    command = command.arguments(["-D".into(), data.as_os_str().to_owned()]);
    // Its own messages must not repeat a statement, which may hold a password.
    command = command.arguments(["-c", "log_min_error_statement=panic", database]);
    command.input =
        statements.iter().flat_map(|line| [line.as_bytes(), b"\n"]).flatten().copied().collect();
    let finished = site.run(command, SINGLE_USER_WITHIN).await?;
    // It goes on after an error, and ends well.
    let complaint = finished.complaint();
    if ["ERROR:", "FATAL:", "PANIC:"].iter().any(|level| complaint.contains(level)) {
        return Err(EngineError::Tool {
            engine: site.name(),
            tool: "postgres --single".to_owned(),
            exit: Exit::Status(0),
            complaint,
        });
    }
    Ok(())
}
