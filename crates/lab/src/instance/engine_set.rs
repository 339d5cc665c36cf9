//! The engines of an instance: what each is configured with, and with which programs it runs.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{Ipv4Addr, SocketAddrV4};
use std::path::Path;

use standfast_engines::hosts::Host;
use standfast_engines::{
    Agent, Backend, EngineKind, EngineSpec, Home, Installation, KafkaSpec, Peer, Secrets, Tool,
    Upstream, find,
};

use super::options::ProvisionError;
use crate::spec::{self, EngineDeclaration, Manager, RequiredTool, System};

/// All tools that a system needs on this machine when the engines of `external` run elsewhere.
pub fn tools_of(system: &System, external: &BTreeMap<String, String>) -> BTreeSet<Tool> {
    let engines = system.engines.iter().filter(|(name, _)| !external.contains_key(*name));
    let engines = engines.map(|(_, engine)| EngineKind::from(engine.kind).tool());
    let required = system.requires.iter().map(|tool| Tool::from(*tool));
    let agents = (system.manager == Manager::Patroni).then_some(Tool::Patroni);
    engines.chain(required).chain(agents).collect()
}

/// Programs of all tools that a system needs on this machine.
pub(crate) fn find_tools(
    system: &System,
    external: &BTreeMap<String, String>,
    home: &Home,
) -> Result<BTreeMap<Tool, Installation>, ProvisionError> {
    let tools = tools_of(system, external).into_iter();
    tools.map(|tool| Ok((tool, find(tool, home)?))).collect()
}

/// Where the data and the log of an engine are, and who may use it.
#[derive(Debug)]
pub(crate) struct EnginePlaces<'a> {
    pub(crate) data: &'a Path,
    pub(crate) log: &'a Path,
    pub(crate) ports: &'a BTreeMap<String, u16>,
    pub(crate) secrets: &'a Secrets,
    /// The host that it runs on, when it has one of its own.
    pub(crate) host: Option<Host>,
    /// Where a replica finds its primary, when that is not the primary's port of this machine.
    pub(crate) upstream: Option<SocketAddrV4>,
    /// The place of a broker in its cluster.
    pub(crate) kafka: KafkaSpec,
    /// Where an engine that is managed finds the others of its cluster.
    pub(crate) peers: Vec<Peer>,
    /// Who decides on its role from beside it.
    pub(crate) agent: Option<Agent>,
    /// Whom HAProxy forwards to.
    pub(crate) backends: Vec<Backend>,
    /// What Nginx is configured with.
    pub(crate) configuration: Option<String>,
}

/// The configuration of the engine `name`.
pub(crate) fn engine_spec(system: &System, name: &str, places: &EnginePlaces<'_>) -> EngineSpec {
    let declared = &system.engines[name];
    let port = |name: &str| places.ports.get(name).copied().unwrap_or_default();
    let primary = declared.replica_of.as_deref();
    // A replica has the databases and roles of its primary.
    let owner: &EngineDeclaration = primary.map_or(declared, |primary| &system.engines[primary]);
    // A replica refuses to start with less of something than its primary has, such as connections.
    let mut settings = owner.settings.clone();
    settings.extend(declared.settings.clone());
    let upstream = |primary| {
        let own = SocketAddrV4::new(Ipv4Addr::LOCALHOST, port(primary));
        places.upstream.unwrap_or(own)
    };
    EngineSpec {
        name: name.to_owned(),
        kind: declared.kind.into(),
        host: places.host.clone(),
        port: port(name),
        data: places.data.to_owned(),
        log: places.log.to_owned(),
        database: owner.database.clone(),
        user: owner.user.clone(),
        settings,
        replica_of: primary.map(upstream).map(|upstream| Upstream {
            host: upstream.ip().to_string(),
            port: upstream.port(),
            slot: format!("standfast_{}", name.replace('-', "_")),
        }),
        peers: places.peers.clone(),
        agent: places.agent.clone(),
        backends: places.backends.clone(),
        configuration: places.configuration.clone(),
        kafka: places.kafka.clone(),
        secrets: places.secrets.clone(),
    }
}

impl From<spec::EngineKind> for EngineKind {
    fn from(kind: spec::EngineKind) -> Self {
        match kind {
            spec::EngineKind::Postgres => Self::Postgres,
            spec::EngineKind::Mariadb => Self::Mariadb,
            spec::EngineKind::Mysql => Self::Mysql,
            spec::EngineKind::Valkey => Self::Valkey,
            spec::EngineKind::Kafka => Self::Kafka,
            spec::EngineKind::Haproxy => Self::Haproxy,
            spec::EngineKind::Nginx => Self::Nginx,
            spec::EngineKind::Etcd => Self::Etcd,
        }
    }
}

impl From<RequiredTool> for Tool {
    fn from(tool: RequiredTool) -> Self {
        match tool {
            RequiredTool::Nginx => Self::Nginx,
            RequiredTool::Chromium => Self::Chromium,
            RequiredTool::Pgbadger => Self::Pgbadger,
        }
    }
}
