//! The configuration that we write, rewritten at every start because ports move.
//!
//! Between the death of a primary and the promotion of its replica a client should wait, not fail.
//! Measured with HAProxy 2.6: a backend whose servers are all in maintenance closes a connection at
//! once; one whose ready server refuses tries again after `timeout connect`, wherever
//! `option redispatch` sends it then. So that time is short, there are many tries, and whoever
//! meets no ready server at all is held by HAProxy itself until there is one.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use crate::engine::{Backend, EngineError, EngineSpec, Site};

pub(super) const CONFIGURATION_FILE: &str = "haproxy.cfg";

/// Takes the commands of whoever decides which server is ready.
const SOCKET: &str = "admin.sock";

/// The server that is HAProxy itself. No engine is called so: names have no capitals.
pub(super) const HOLD: &str = "HOLD";

/// How connections are held.
const HOLD_FILE: &str = "hold.lua";
const HOLD_SCRIPT: &str = include_str!("hold.lua");

/// What does not depend on the instance. Sockets are named as seen from the data folder: the kernel
/// takes no more than 107 letters.
const GLOBAL: &str = "\
# Written by standfast at every start; changes are lost.
global
    log stderr format raw daemon notice
    stats socket unix@admin.sock mode 600 level admin
    # Whoever keeps a connection for commands may have none to give for a while.
    stats timeout 1h
    # What waits shares what it knows, and two cores have other things to do.
    nbthread 1
    lua-load hold.lua
defaults
    mode tcp
    log global
    # Over loopback a server takes a connection at once, or refuses it. This is also the pause
    # before the next try.
    timeout connect 50ms
    retries 100
    option redispatch 1
    # Connections of pools are silent for long. Whoever decides closes them.
    timeout client 1h
    timeout server 1h
";

/// As Patroni's documentation has it, but six times as often: who says that it is primary, is.
const ASK_AGENTS: &str = "    \
    option httpchk OPTIONS /primary
    http-check expect status 200
    default-server inter 500ms fastinter 100ms downinter 200ms fall 1 rise 1 \
on-marked-down shutdown-sessions";

/// Makes the data folder.
pub(crate) fn create(site: &Site) -> Result<(), EngineError> {
    site.make_data_folder()?;
    prepare(site)
}

/// Whether `folder` is one of an HAProxy that we made.
pub(crate) fn is_data_folder(folder: &Path) -> bool {
    folder.join(CONFIGURATION_FILE).is_file()
}

/// Writes the configuration for a start of this instance on these ports.
pub(crate) fn prepare(site: &Site) -> Result<(), EngineError> {
    let (data, name) = (&site.spec.data, &site.spec.name);
    let script = format!("BACKEND, HOLD = \"{name}\", \"{HOLD}\"\n{HOLD_SCRIPT}");
    site.write(&data.join(HOLD_FILE), &script)?;
    site.write(&data.join(CONFIGURATION_FILE), &render(&site.spec))
}

/// Where it takes commands; only its own user and root may give any.
pub(crate) fn socket(site: &Site) -> PathBuf {
    site.spec.data.join(SOCKET)
}

/// The backend is called as the engine, its servers as theirs.
fn render(spec: &EngineSpec) -> String {
    let mut text = GLOBAL.to_owned();
    let (name, address, port) = (&spec.name, spec.address(), spec.port);
    let mut line = |line: &str| writeln!(text, "{line}").expect("a string takes any text");
    line(&format!("listen {name}"));
    line(&format!("    bind {address}:{port}"));
    if spec.backends.iter().any(|backend| backend.agent.is_some()) {
        line(ASK_AGENTS);
    }
    for Backend { name, address, agent } in &spec.backends {
        let ready = match agent {
            Some(agent) => format!("check addr {} port {}", agent.ip(), agent.port()),
            None => "disabled".to_owned(),
        };
        line(&format!("    server {name} {address} {ready}"));
    }
    line(&format!("    server {HOLD} unix@hold.sock backup"));
    line(&format!("frontend {name}-hold"));
    line("    bind unix@hold.sock mode 600");
    line("    tcp-request inspect-delay 10s");
    line("    tcp-request content lua.hold");
    line(&format!("    default_backend {name}"));
    text
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::kafka::KafkaSpec;
    use crate::secrets::Secrets;
    use crate::tool::EngineKind;

    #[test]
    fn every_server_begins_in_maintenance_but_the_one_that_holds() {
        let backend = |name: &str, port: u16| Backend {
            name: name.to_owned(),
            address: format!("127.0.0.1:{port}"),
            agent: None,
        };
        let spec = EngineSpec {
            name: "orders-proxy".to_owned(),
            kind: EngineKind::Haproxy,
            host: None,
            port: 6432,
            data: "/data".into(),
            log: "/log".into(),
            database: None,
            user: None,
            settings: BTreeMap::new(),
            replica_of: None,
            peers: Vec::new(),
            agent: None,
            backends: vec![backend("orders-a", 5432), backend("orders-b", 5433)],
            configuration: None,
            kafka: KafkaSpec::default(),
            secrets: Secrets::generate(),
        };
        insta::assert_snapshot!("two_servers", render(&spec));
    }
}
