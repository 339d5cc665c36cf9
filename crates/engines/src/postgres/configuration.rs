//! The configuration that we write: one included file, rewritten at every start because ports move.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::{Path, PathBuf};

use super::role;
use crate::engine::{EngineError, Site, Upstream};
use crate::hosts::Host;

/// Included at the end of the server's own `postgresql.conf`, so what it says wins.
pub(super) const CONFIGURATION_FILE: &str = "standfast.conf";

/// Who may come.
pub(super) const AUTHENTICATION_FILE: &str = "pg_hba.conf";

/// Holds the replicator's password; libpq insists on mode 0600.
pub(super) const REPLICATION_PASSFILE: &str = "replication.pgpass";

pub(super) const SUPERUSER: &str = "standfast";
pub(super) const REPLICATOR: &str = "replicator";
/// The database that always exists.
pub(super) const MAINTENANCE_DATABASE: &str = "postgres";

/// Who may come when the server has no host of its own.
const LOOPBACK: &str = "127.0.0.1/32";

/// How each line of the log begins, which is what reads it again.
pub(super) const LOG_LINE_PREFIX: &str = "%m [%p] %q%u@%d ";

/// What a system may not set: it is what standfast promises, or what moves with the instance.
const MANAGED: [&str; 9] = [
    "data_directory",
    "hba_file",
    "listen_addresses",
    "log_line_prefix",
    "password_encryption",
    "port",
    "primary_conninfo",
    "primary_slot_name",
    "unix_socket_directories",
];

/// Our settings. A system can override every one of them.
const SETTINGS: [(&str, &str); 29] = [
    // Durability as in production: an experiment about lost writes must not lose them to us.
    ("fsync", "on"),
    ("wal_level", "replica"),
    ("max_wal_senders", "10"),
    ("max_replication_slots", "10"),
    ("hot_standby", "on"),
    // A vacuum on the primary must not cancel a search on the replica: nobody injected that fault.
    ("hot_standby_feedback", "on"),
    // A replica that stays away must not fill the primary's disk.
    ("max_slot_wal_keep_size", "2GB"),
    // After a restart of the primary the replica is back in 0.2 s, not in 5.
    ("wal_retrieve_retry_interval", "200ms"),
    ("wal_receiver_status_interval", "1s"),
    // A primary that hangs, and a replica that hangs, are noticed in seconds. The latter also
    // bounds how long a frozen replica delays the primary's fast shutdown.
    ("wal_receiver_timeout", "5s"),
    ("wal_sender_timeout", "3s"),
    // Crash recovery reads at most this much log, so it takes a second or so.
    ("max_wal_size", "512MB"),
    // Segments kept for later use would be copied with every template.
    ("wal_recycle", "off"),
    ("shared_buffers", "128MB"),
    // Memory of parallel queries: taken from the main segment, else from files that go with the
    // data folder. The default would leave a file in /dev/shm behind for every killed server.
    ("dynamic_shared_memory_type", "mmap"),
    ("min_dynamic_shared_memory", "8MB"),
    ("max_connections", "100"),
    // Compiling a plan takes longer than any of our queries.
    ("jit", "off"),
    ("timezone", "UTC"),
    ("log_timezone", "UTC"),
    ("lc_messages", "C"),
    ("logging_collector", "off"),
    ("log_destination", "stderr"),
    ("log_line_prefix", LOG_LINE_PREFIX),
    // A checkpoint in the log explains a spike in the latency.
    ("log_checkpoints", "on"),
    // Statements could hold a user's secrets; the error itself is enough.
    ("log_min_error_statement", "panic"),
    // So could values of parameters, where a system has slow statements logged.
    ("log_parameter_max_length", "0"),
    // A crashed backend makes the server restart itself, as in production.
    ("restart_after_crash", "on"),
    ("update_process_title", "on"),
];

/// Whether `folder` is one of a PostgreSQL server that we made.
pub(crate) fn is_data_folder(folder: &Path) -> bool {
    folder.join("PG_VERSION").is_file() && folder.join(CONFIGURATION_FILE).is_file()
}

/// Writes all that depends on this instance: ports, peers, passwords.
pub(super) fn write(site: &Site) -> Result<(), EngineError> {
    write_with(site, &host_based_authentication(site))
}

/// The same for a server that lets nobody in.
pub(super) fn write_closed(site: &Site) -> Result<(), EngineError> {
    write_with(site, "# Written by standfast: nobody, until it is a replica again.\n")
}

fn write_with(site: &Site, authentication: &str) -> Result<(), EngineError> {
    for (key, value) in &site.spec.settings {
        site.check_setting(key, value, &MANAGED)?;
    }
    let upstream = role::upstream(site)?;
    let folder = folder(site);
    if site.spec.is_managed() {
        role::make_node_folder(site)?;
        let include = format!("include {}\n", quoted(&path_of(&folder, CONFIGURATION_FILE)));
        site.write(&site.spec.data.join(CONFIGURATION_FILE), &include)?;
    }
    site.write(&folder.join(CONFIGURATION_FILE), &render(site, upstream.as_ref()))?;
    site.write(&folder.join(AUTHENTICATION_FILE), authentication)?;
    if upstream.is_some() {
        let password = &site.spec.secrets.replicator;
        site.write(&folder.join(REPLICATION_PASSFILE), &passfile(REPLICATOR, password))?;
    }
    // Nobody else decides: what replicates is a replica, whatever became of it meanwhile.
    if !site.spec.is_managed() && upstream.is_some() {
        role::write_signal(site)?;
    }
    Ok(())
}

/// Where the files lie that say more than a copy of the data should.
fn folder(site: &Site) -> PathBuf {
    match site.spec.is_managed() {
        true => role::node_folder(&site.spec.data),
        false => site.spec.data.clone(),
    }
}

fn path_of(folder: &Path, file: &str) -> String {
    folder.join(file).to_string_lossy().into_owned()
}

/// The text of a password file that serves any host and port.
pub(super) fn passfile(user: &str, password: &str) -> String {
    format!("*:*:*:{user}:{password}\n")
}

/// Passwords only, and only from this machine: over loopback, or from the hosts of the server's own
/// network. `all` does not cover replication.
fn host_based_authentication(site: &Site) -> String {
    let from = site.spec.host.as_ref().map_or(LOOPBACK, Host::network);
    format!(
        "# Written by standfast at every start.\n\
         host all         all        {from} scram-sha-256\n\
         host replication replicator {from} scram-sha-256\n"
    )
}

/// What the server is set to, as far as it does not depend on its ports and its peers.
pub(super) fn settings(site: &Site) -> BTreeMap<&str, String> {
    let spec = &site.spec;
    let mut settings: BTreeMap<&str, String> =
        SETTINGS.iter().map(|(key, value)| (*key, (*value).to_owned())).collect();
    if spec.is_managed() {
        settings.insert("hba_file", path_of(&folder(site), AUTHENTICATION_FILE));
        // What it does not find there any more, `pg_rewind` cannot take back.
        settings.insert("wal_keep_size", "256MB".to_owned());
    }
    settings.extend(spec.settings.iter().map(|(key, value)| (key.as_str(), value.clone())));
    settings
}

fn render(site: &Site, upstream: Option<&Upstream>) -> String {
    let (spec, mut settings) = (&site.spec, settings(site));
    settings.insert("port", spec.port.to_string());
    settings.insert("listen_addresses", spec.address().to_string());
    settings.insert("unix_socket_directories", String::new());
    settings.insert("password_encryption", "scram-sha-256".to_owned());
    settings.insert("cluster_name", spec.name.clone());
    if let Some(upstream) = upstream {
        settings.insert("primary_slot_name", upstream.slot.clone());
        settings.insert("primary_conninfo", connection_info(site, upstream));
    }
    let mut text = String::from("# Written by standfast at every start; changes are lost.\n");
    for (key, value) in settings {
        writeln!(text, "{key} = {}", quoted(&value)).expect("a string takes any text");
    }
    text
}

fn connection_info(site: &Site, upstream: &Upstream) -> String {
    let passfile = folder(site).join(REPLICATION_PASSFILE);
    format!(
        "host={} port={} user={REPLICATOR} passfile={} application_name={} connect_timeout=2",
        quoted(&upstream.host),
        upstream.port,
        quoted(&passfile.to_string_lossy()),
        quoted(&site.spec.name),
    )
}

/// PostgreSQL's configuration and libpq's connection strings quote alike.
fn quoted(value: &str) -> String {
    format!("'{}'", value.replace('\\', "\\\\").replace('\'', "\\'"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quote_in_a_value_stays_inside_it() {
        assert_eq!(quoted(r"it's a \ path"), r"'it\'s a \\ path'");
    }
}
