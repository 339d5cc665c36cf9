//! Patroni: it starts and ends the server that it runs beside, and agrees with the other agents of
//! its cluster, by etcd, who is primary.
//!
//! The server is no child of its agent: as with `pg_ctl`, it belongs to whoever waits for orphans,
//! and is told by the folder that it works in. Both together are a node: who kills one, kills both,
//! as a service manager would.

use std::ffi::OsString;
use std::fmt::Write;
use std::path::Path;
use std::time::Duration;

use super::configuration::{self, REPLICATOR, SUPERUSER};
use super::role;
use crate::engine::{Agent, EngineError, Site};
use crate::process::{Child, CommandSpec, Signal, StopPlan, Stopped};

/// Its own file, in the folder of the node.
const CONFIGURATION_FILE: &str = "patroni.yml";

/// The least that its later versions accept: a primary that is not heard of for so long is no
/// primary any more.
const LEASE_S: u32 = 20;

/// How often it looks, and how long it tries to reach etcd, in seconds.
const LOOK_EVERY_S: u32 = 1;
const RETRY_FOR_S: u32 = 3;

/// What it passes to the server itself, and all members have alike: no file of ours is asked.
const SHARED_SETTINGS: [&str; 8] = [
    "max_connections",
    "max_locks_per_transaction",
    "max_prepared_transactions",
    "max_replication_slots",
    "max_wal_senders",
    "max_worker_processes",
    "track_commit_timestamp",
    "wal_level",
];

/// It stops its server in order before it goes.
const STOP_WITHIN: Duration = Duration::from_secs(20);

/// Gets data and node folder ready for a start of this instance on these ports.
pub(crate) fn prepare(site: &Site, agent: &Agent) -> Result<(), EngineError> {
    configuration::write(site)?;
    let folder = role::node_folder(&site.spec.data);
    site.write(&folder.join(CONFIGURATION_FILE), &render(site, agent, &folder))
}

pub(crate) fn command(site: &Site, agent: &Agent) -> CommandSpec {
    let folder = role::node_folder(&site.spec.data);
    let file: OsString = folder.join(CONFIGURATION_FILE).into_os_string();
    let mut command = site.server(agent.program.clone()).arguments([file]);
    // It may have to make the data folder again, so it does not work there.
    command.directory = Some(folder);
    let environment = [("PATH", "/usr/bin:/bin"), ("LC_ALL", "C.UTF-8"), ("PYTHONUNBUFFERED", "1")];
    command.environment.extend(environment.map(|(name, value)| (name.into(), value.into())));
    command
}

pub(crate) async fn stop(child: &Child) -> Result<Stopped, EngineError> {
    Ok(child.stop(StopPlan { signal: Signal::SIGTERM, grace: STOP_WITHIN }).await?)
}

/// Durability is ours: what a replica has not confirmed is not acknowledged.
fn render(site: &Site, agent: &Agent, folder: &Path) -> String {
    let (spec, address) = (&site.spec, site.spec.address());
    let quoted = |text: &str| format!("'{}'", text.replace('\'', "''"));
    let path = |path: &Path| quoted(&path.to_string_lossy());
    let mut text = String::from("# Written by standfast at every start; changes are lost.\n");
    let mut line = |line: String| writeln!(text, "{line}").expect("a string takes any text");
    line(format!("scope: {}", quoted(&agent.cluster)));
    line(format!("name: {}", quoted(&spec.name)));
    let rest = quoted(&format!("{address}:{}", agent.port));
    line(format!("restapi: {{listen: {rest}, connect_address: {rest}}}"));
    line(format!("etcd3: {{host: {}}}", quoted(&agent.store.to_string())));
    line("bootstrap:".to_owned());
    line("  dcs:".to_owned());
    line(format!("    ttl: {LEASE_S}"));
    line(format!("    loop_wait: {LOOK_EVERY_S}"));
    line(format!("    retry_timeout: {RETRY_FOR_S}"));
    line("    maximum_lag_on_failover: 1048576".to_owned());
    line("    synchronous_mode: true".to_owned());
    line("    postgresql:".to_owned());
    line("      use_pg_rewind: true".to_owned());
    line("      use_slots: true".to_owned());
    line("      parameters:".to_owned());
    for (key, value) in configuration::settings(site) {
        if SHARED_SETTINGS.contains(&key) {
            line(format!("        {key}: {}", quoted(&value)));
        }
    }
    line("postgresql:".to_owned());
    let listen = quoted(&format!("{address}:{}", spec.port));
    line(format!("  listen: {listen}"));
    line(format!("  connect_address: {listen}"));
    line(format!("  data_dir: {}", path(&spec.data)));
    line(format!("  bin_dir: {}", path(&site.installation.path)));
    line(format!("  pgpass: {}", path(&folder.join("pgpass"))));
    line("  authentication:".to_owned());
    let secrets = &spec.secrets;
    for (role, user, password) in [
        ("superuser", SUPERUSER, &secrets.superuser),
        ("replication", REPLICATOR, &secrets.replicator),
        ("rewind", SUPERUSER, &secrets.superuser),
    ] {
        let (user, password) = (quoted(user), quoted(password));
        line(format!("    {role}: {{username: {user}, password: {password}}}"));
    }
    text
}
