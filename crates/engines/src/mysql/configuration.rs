//! The configuration that we write: rewritten at every start, because ports and roles move.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::dialect::{Dialect, base_folder};
use crate::engine::{EngineError, Site};

/// In the engine's folder, beside the server's own.
const CONFIGURATION_FILE: &str = "standfast.cnf";

/// The server's own data folder.
const FILES_FOLDER: &str = "files";

/// The server's own temporary files. A starting server deletes what it takes for its remains in
/// this folder, also when it is another server that works with them.
const TEMPORARY_FOLDER: &str = "temporary";

pub(super) const SUPERUSER: &str = "standfast";
pub(super) const REPLICATOR: &str = "replicator";

/// What MySQL keeps of a password to replicate with. Half of ours is still more than enough.
const REPLICATOR_PASSWORD_BYTES: usize = 32;

/// What a system may not set: it is what standfast promises, or what moves with the instance.
const MANAGED: [&str; 14] = [
    "basedir",
    "bind_address",
    "datadir",
    "init_file",
    "log_bin",
    "log_error",
    "pid_file",
    "port",
    "server_id",
    "skip_grant_tables",
    "skip_networking",
    "skip_replica_start",
    "socket",
    "tmpdir",
];

/// Our settings for both servers. A system can override every one of them.
const SETTINGS: [(&str, &str); 12] = [
    // Durability as in production: an experiment about lost writes must not lose them to us.
    ("innodb_flush_log_at_trx_commit", "1"),
    ("sync_binlog", "1"),
    ("binlog_format", "ROW"),
    ("innodb_buffer_pool_size", "64M"),
    ("max_connections", "200"),
    // A name server that hangs must not hang a login.
    ("skip_name_resolve", "ON"),
    ("character_set_server", "utf8mb4"),
    ("collation_server", "utf8mb4_bin"),
    ("default_time_zone", "+00:00"),
    ("local_infile", "OFF"),
    // A dump of a table with large rows comes as statements of this size at most.
    ("max_allowed_packet", "64M"),
    ("max_binlog_size", "64M"),
];

/// With which replicas log in at their primary.
pub(super) fn replicator_password(site: &Site) -> &str {
    let password = &site.spec.secrets.replicator;
    password.get(..REPLICATOR_PASSWORD_BYTES).unwrap_or(password)
}

/// Whether `folder` is one of a MariaDB or MySQL server that we made.
pub(crate) fn is_data_folder(folder: &Path) -> bool {
    // The server's own files may be on the way of being replaced.
    folder.join(CONFIGURATION_FILE).is_file()
}

pub(super) fn configuration_file(engine_folder: &Path) -> PathBuf {
    engine_folder.join(CONFIGURATION_FILE)
}

pub(super) fn files_folder(engine_folder: &Path) -> PathBuf {
    engine_folder.join(FILES_FOLDER)
}

/// Makes the folder for temporary files, unless it is there.
pub(super) fn make_temporary_folder(site: &Site, engine_folder: &Path) -> Result<(), EngineError> {
    let folder = engine_folder.join(TEMPORARY_FOLDER);
    if folder.is_dir() { Ok(()) } else { site.make_private_folder(&folder) }
}

/// Writes the configuration of this instance.
pub(super) fn write(site: &Site) -> Result<(), EngineError> {
    for (key, value) in &site.spec.settings {
        let value_is_plain = !value.contains('"');
        site.check_setting(&key.replace('-', "_"), value, &MANAGED)?;
        if !value_is_plain {
            return Err(EngineError::Setting {
                engine: site.name(),
                key: key.clone(),
                problem: "has a quotation mark in its value",
            });
        }
    }
    make_temporary_folder(site, &site.spec.data)?;
    site.write(&configuration_file(&site.spec.data), &render(site, &site.spec.data))
}

/// The text of the configuration for a server in `engine_folder`.
pub(super) fn render(site: &Site, engine_folder: &Path) -> String {
    let (spec, dialect) = (&site.spec, Dialect::of(site));
    let path = |path: PathBuf| path.to_string_lossy().into_owned();
    let ours = SETTINGS.iter().chain(dialect.settings());
    let mut settings: BTreeMap<String, String> =
        ours.map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    settings
        .extend(spec.settings.iter().map(|(key, value)| (key.replace('-', "_"), value.clone())));
    let mut decided = vec![
        ("basedir", path(base_folder(&site.installation.path))),
        ("bind_address", spec.address().to_string()),
        ("datadir", path(files_folder(engine_folder))),
        ("log_bin", "binlog".to_owned()),
        ("pid_file", "server.pid".to_owned()),
        ("port", spec.port.to_string()),
        ("report_host", spec.name.clone()),
        ("relay_log", "relay".to_owned()),
        ("server_id", server_id(&spec.name).to_string()),
        // Connections come over the port alone: a path has a limit that folders of tests exceed.
        ("socket", String::new()),
        ("tmpdir", path(engine_folder.join(TEMPORARY_FOLDER))),
        // Replication begins when it is told where its primary is now.
        (dialect.skip_replication_setting(), "ON".to_owned()),
    ];
    if spec.is_managed() || spec.replica_of.is_some() {
        decided.push((dialect.read_only_setting(), "ON".to_owned()));
    }
    settings.extend(decided.into_iter().map(|(key, value)| (key.to_owned(), value)));
    let mut text =
        String::from("# Written by standfast at every start; changes are lost.\n[mysqld]\n");
    for (key, value) in settings {
        writeln!(text, "{key} = \"{}\"", value.replace('\\', "\\\\")).expect("a string takes all");
    }
    text
}

/// Tells the servers of a cluster apart, also in the GTIDs that they write, so it stays with the
/// name and does not move with the port.
fn server_id(name: &str) -> u32 {
    let digest = Sha256::digest(name.as_bytes());
    let number = u32::from_be_bytes([digest[0], digest[1], digest[2], digest[3]]);
    number.max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_of_one_cluster_have_numbers_of_their_own_that_never_change() {
        assert_ne!(server_id("stock-a"), server_id("stock-b"));
        assert_eq!(server_id("stock-a"), server_id("stock-a"));
    }
}
