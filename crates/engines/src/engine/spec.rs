//! What one engine shall be.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::time::Duration;

use crate::hosts::Host;
use crate::kafka::KafkaSpec;
use crate::secrets::Secrets;
use crate::tool::EngineKind;

/// One server: what it is, where it listens, where its data lies.
#[derive(Clone, Debug)]
pub struct EngineSpec {
    /// Its name in `system.toml`; also how a replica introduces itself to its primary.
    pub name: String,
    pub kind: EngineKind,
    /// The host that it runs on, and listens on; the loopback address when absent.
    pub host: Option<Host>,
    pub port: u16,
    /// The data folder, which belongs to the engine alone.
    pub data: PathBuf,
    /// Both output streams are appended to it.
    pub log: PathBuf,
    /// PostgreSQL: a database that is made with the engine. A replica names its primary's.
    pub database: Option<String>,
    /// PostgreSQL: the services' role, which may log in and owns nothing. A replica names its
    /// primary's.
    pub user: Option<String>,
    /// Server settings on top of ours.
    pub settings: BTreeMap<String, String>,
    /// PostgreSQL: the primary to stream from.
    pub replica_of: Option<Upstream>,
    /// Kafka: its place in a cluster, and its listeners for proxies.
    pub kafka: KafkaSpec,
    pub secrets: Secrets,
}

impl EngineSpec {
    /// Where it listens, and is reached.
    pub fn address(&self) -> Ipv4Addr {
        self.host.as_ref().map_or(Ipv4Addr::LOCALHOST, Host::address)
    }
}

/// The primary of a replica.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upstream {
    pub host: String,
    pub port: u16,
    /// The slot that keeps the primary's log for this replica; made when it is missing.
    pub slot: String,
}

/// How far a replica is behind its primary.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lag {
    /// Log that the primary has written and the replica not replayed.
    pub bytes: u64,
    /// Age of the last replayed commit; zero when nothing is left to replay.
    pub replay: Duration,
    /// Whether the replica is connected to its primary.
    pub streaming: bool,
}
