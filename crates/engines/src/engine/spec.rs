//! What one engine shall be.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::path::PathBuf;
use std::time::Duration;

use super::error::EngineError;
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
    /// SQL servers: a database that is made with the engine. A replica names its primary's.
    pub database: Option<String>,
    /// SQL servers: the services' role, which may log in and owns nothing. A replica names its
    /// primary's.
    pub user: Option<String>,
    /// Server settings on top of ours.
    pub settings: BTreeMap<String, String>,
    /// SQL servers: the primary to follow.
    pub replica_of: Option<Upstream>,
    /// Those that take turns with this one in being the primary. When there are any, `replica_of`
    /// says only what it begins as; later on the data folder says what it is.
    pub peers: Vec<Peer>,
    /// PostgreSQL: who runs beside it and decides on its role, if anybody does.
    pub agent: Option<Agent>,
    /// HAProxy: the servers to forward to, none of which gets anything until somebody says so.
    pub backends: Vec<Backend>,
    /// Nginx: its whole configuration, which leaves out what standfast decides.
    pub configuration: Option<String>,
    /// Kafka: its place in a cluster, and its listeners for proxies.
    pub kafka: KafkaSpec,
    pub secrets: Secrets,
}

impl EngineSpec {
    /// Whether its role is what its data folder says.
    pub fn is_managed(&self) -> bool {
        !self.peers.is_empty()
    }

    /// How it reaches the peer `primary`.
    pub(crate) fn upstream(&self, primary: &str) -> Result<Upstream, EngineError> {
        let peer = self.peers.iter().find(|peer| peer.name == primary);
        let peer = peer.ok_or_else(|| EngineError::NoPeer {
            engine: self.name.clone(),
            peer: primary.to_owned(),
        })?;
        let (host, port) = (peer.address.ip().to_string(), peer.address.port());
        Ok(Upstream { host, port, slot: self.slot() })
    }

    /// The slot in which any primary of this engine keeps its log for it.
    pub fn slot(&self) -> String {
        format!("standfast_{}", self.name.replace('-', "_"))
    }

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

/// Another engine of a cluster whose members take turns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Peer {
    pub name: String,
    /// Where this engine finds it.
    pub address: SocketAddrV4,
}

/// A process that starts and ends a server, and agrees with others of its kind who is primary.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Agent {
    /// Patroni.
    pub program: PathBuf,
    /// Where it says over HTTP who its server is.
    pub port: u16,
    /// Where etcd is.
    pub store: SocketAddrV4,
    /// What its cluster is called there.
    pub cluster: String,
}

/// A server that a proxy can forward to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Backend {
    /// What the proxy calls it, in its configuration and on its socket.
    pub name: String,
    /// `host:port`.
    pub address: String,
    /// The agent that knows whether it is the primary; without one somebody has to say so.
    pub agent: Option<SocketAddrV4>,
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
