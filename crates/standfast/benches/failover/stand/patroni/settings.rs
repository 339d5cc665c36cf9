//! How Patroni is told to keep a cluster: its own defaults, and the tightest that it allows.

use std::fmt;
use std::path::Path;

use super::ports::NodePorts;

/// In one row of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Variant {
    pub(crate) tuning: Tuning,
    pub(crate) is_synchronous: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tuning {
    /// What its documentation shows, for HAProxy as well.
    Default,
    /// Its later versions accept no smaller `ttl` than 20; HAProxy asks six times as often.
    Tight,
}

impl Variant {
    pub(crate) const ALL: [Self; 4] = [
        Self { tuning: Tuning::Default, is_synchronous: true },
        Self { tuning: Tuning::Tight, is_synchronous: true },
        Self { tuning: Tuning::Default, is_synchronous: false },
        Self { tuning: Tuning::Tight, is_synchronous: false },
    ];

    /// `ttl`, `loop_wait` and `retry_timeout` in seconds.
    fn times(self) -> [u32; 3] {
        match self.tuning {
            Tuning::Default => [30, 10, 10],
            Tuning::Tight => [20, 1, 3],
        }
    }

    /// How HAProxy asks Patroni who is primary.
    fn checks(self) -> &'static str {
        match self.tuning {
            Tuning::Default => "inter 3s fall 3 rise 2",
            Tuning::Tight => "inter 500ms fastinter 100ms downinter 200ms fall 1 rise 1",
        }
    }
}

impl fmt::Display for Variant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [ttl, loop_wait, retry_timeout] = self.times();
        let mode = if self.is_synchronous { "synchronous" } else { "asynchronous" };
        write!(f, "patroni {ttl}/{loop_wait}/{retry_timeout} {mode}")
    }
}

/// What differs between the two agents.
pub(super) struct Agent<'a> {
    pub(super) name: &'a str,
    pub(super) folder: &'a Path,
    pub(super) programs: &'a Path,
    pub(super) ports: NodePorts,
    pub(super) etcd: u16,
    pub(super) password: &'a str,
}

/// The file of one agent. The servers' settings are those of order-saga where they matter: nothing
/// is less durable.
pub(super) fn agent(variant: Variant, agent: &Agent<'_>) -> String {
    let [ttl, loop_wait, retry_timeout] = variant.times();
    let Agent { name, etcd, password, .. } = agent;
    let NodePorts { postgres, rest } = agent.ports;
    let (folder, programs) = (agent.folder.display(), agent.programs.display());
    let is_synchronous = variant.is_synchronous;
    format!(
        "scope: bench
name: {name}
restapi: {{listen: '127.0.0.1:{rest}', connect_address: '127.0.0.1:{rest}'}}
etcd3: {{host: '127.0.0.1:{etcd}'}}
bootstrap:
  dcs:
    ttl: {ttl}
    loop_wait: {loop_wait}
    retry_timeout: {retry_timeout}
    maximum_lag_on_failover: 1048576
    synchronous_mode: {is_synchronous}
    synchronous_mode_strict: false
    postgresql:
      use_pg_rewind: true
      use_slots: true
      parameters: {{wal_log_hints: 'on', max_connections: 100, shared_buffers: 128MB, jit: 'off',
        wal_keep_size: 256MB, max_wal_size: 512MB, hot_standby_feedback: 'on'}}
  initdb: [{{encoding: UTF8}}, {{locale: C}}, data-checksums]
  pg_hba:
  - host replication replicator 127.0.0.1/32 scram-sha-256
  - host all all 127.0.0.1/32 scram-sha-256
postgresql:
  listen: '127.0.0.1:{postgres}'
  connect_address: '127.0.0.1:{postgres}'
  data_dir: '{folder}/data'
  bin_dir: '{programs}'
  pgpass: '{folder}/pgpass'
  authentication:
    replication: {{username: replicator, password: '{password}'}}
    superuser: {{username: postgres, password: '{password}'}}
    rewind: {{username: rewinder, password: '{password}'}}
  parameters: {{unix_socket_directories: '{folder}', password_encryption: scram-sha-256}}
"
    )
}

/// As Patroni's documentation has it.
pub(super) fn haproxy(variant: Variant, listen: u16, nodes: [NodePorts; 2]) -> String {
    let mut text = format!(
        "global
  maxconn 100
defaults
  mode tcp
  retries 2
  timeout client 30m
  timeout connect 4s
  timeout server 30m
  timeout check 5s
listen primary
  bind 127.0.0.1:{listen}
  option httpchk OPTIONS /primary
  http-check expect status 200
  default-server {} on-marked-down shutdown-sessions
",
        variant.checks()
    );
    for (name, node) in ["a", "b"].iter().zip(nodes) {
        let NodePorts { postgres, rest } = node;
        let server = format!("127.0.0.1:{postgres} maxconn 100 check port {rest}");
        text.push_str(&format!("  server {name} {server}\n"));
    }
    text
}
