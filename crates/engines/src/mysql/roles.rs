//! The roles of a new server: made by the server itself before it takes its first connection.

use super::configuration::{REPLICATOR, SUPERUSER, replicator_password};
use super::dialect::Dialect;
use crate::engine::{EngineError, Site};

/// The shorter of both servers' limits.
const NAME_BYTES_MAX: usize = 32;

/// A script for the server's first start, one statement per line. What it does is not part of the
/// history that replicas follow: each of them has its own roles.
pub(super) fn statements(site: &Site) -> Result<String, EngineError> {
    let (dialect, secrets) = (Dialect::of(site), &site.spec.secrets);
    let mut lines = vec![
        "SET sql_log_bin = 0;".to_owned(),
        dialect.create_role(SUPERUSER, &secrets.superuser),
        format!("GRANT ALL PRIVILEGES ON *.* TO '{SUPERUSER}'@'%' WITH GRANT OPTION;"),
        dialect.create_role(REPLICATOR, replicator_password(site)),
        format!("GRANT {} ON *.* TO '{REPLICATOR}'@'%';", dialect.replicator_rights()),
    ];
    if let Some(user) = &site.spec.user {
        check_name(site, user)?;
        lines.push(dialect.create_role(user, &secrets.application));
    }
    lines.extend(dialect.drop_first_roles().iter().map(|line| (*line).to_owned()));
    lines.push(String::new());
    Ok(lines.join("\n"))
}

/// Rejects a name that would need quoting, or that a server cuts off.
pub(super) fn check_name(site: &Site, name: &str) -> Result<(), EngineError> {
    let is_letter = |letter: char| letter.is_ascii_lowercase() || letter == '_';
    let starts_well = name.starts_with(is_letter);
    let is_whole = name.chars().all(|letter| is_letter(letter) || letter.is_ascii_digit());
    let is_ours = [SUPERUSER, REPLICATOR].contains(&name);
    if starts_well && is_whole && !is_ours && name.len() <= NAME_BYTES_MAX {
        return Ok(());
    }
    Err(EngineError::Name { engine: site.name(), name: name.to_owned() })
}
