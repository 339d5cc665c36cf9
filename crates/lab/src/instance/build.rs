//! Makes a keeper for every process of a system, none of which runs yet.

use std::collections::BTreeMap;
use std::net::SocketAddrV4;
use std::sync::Arc;

use rand::Rng;
use standfast_engines::{Agent, Backend, Engine, Installation, KafkaSpec, Peer, Secrets, Tool};
use standfast_history::Event;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::address::Address;
use super::engine_set::{EnginePlaces, engine_spec};
use super::events::EventSink;
use super::fault_ports::{Levers, Pivot};
use super::folder::InstanceFolder;
use super::hosts::Hosts;
use super::kafka::kafka_spec;
use super::keeper::{Keeper, KeeperParts, Revival};
use super::options::{ProvisionError, ProvisionOptions};
use super::order::KeeperHandle;
use super::plan::Planner;
use super::ports::PortPlan;
use super::registry::Registry;
use super::routes::Routes;
use super::service::Service;
use super::status::Role;
use super::unit::Unit;
use crate::actuator::{self, Actuator};
use crate::spec::{
    EngineDeclaration, EngineKind, STORE, ServiceDeclaration, System, agent_of, fill,
};

/// Lines of one service that wait to be read as events; more are only logged.
const LINES_MAX: usize = 4096;
/// Enough that nobody guesses it.
const TOKEN_BYTES: usize = 16;

/// What is known before anything is made.
#[derive(Debug)]
pub(super) struct Site<'a> {
    pub(super) system: &'a System,
    pub(super) options: &'a ProvisionOptions,
    pub(super) folder: &'a InstanceFolder,
    pub(super) tools: &'a BTreeMap<Tool, Installation>,
    pub(super) ports: &'a PortPlan,
    pub(super) hosts: &'a Hosts,
    pub(super) routes: &'a Routes,
}

/// All that was made.
#[derive(Debug)]
pub(super) struct Built {
    pub(super) registry: Arc<Registry>,
    pub(super) addresses: BTreeMap<String, Address>,
    pub(super) keepers: BTreeMap<String, KeeperHandle>,
    pub(super) roles: BTreeMap<String, Role>,
    pub(super) levers: Levers,
    pub(super) tasks: JoinSet<()>,
}

/// Engines first: services are told their addresses.
pub(super) fn build(site: &Site<'_>, secrets: &Secrets) -> Result<Built, ProvisionError> {
    let built = Built {
        registry: Arc::new(Registry::new(site.folder)),
        addresses: BTreeMap::new(),
        keepers: BTreeMap::new(),
        roles: BTreeMap::new(),
        levers: Levers::default(),
        tasks: JoinSet::new(),
    };
    let mut builder = Builder { site, built };
    builder.service_addresses();
    for layer in [Layer::Databases, Layer::Switches, Layer::Fronts] {
        builder.engines(layer, secrets)?;
    }
    builder.services()?;
    Ok(builder.built)
}

/// Whoever forwards is told the addresses of those who were built before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Layer {
    Databases,
    /// HAProxy, in front of databases.
    Switches,
    /// Nginx, in front of services.
    Fronts,
}

impl Layer {
    fn of(kind: EngineKind) -> Self {
        match kind {
            EngineKind::Haproxy => Self::Switches,
            EngineKind::Nginx => Self::Fronts,
            EngineKind::Postgres
            | EngineKind::Mariadb
            | EngineKind::Mysql
            | EngineKind::Valkey
            | EngineKind::Kafka
            | EngineKind::Etcd => Self::Databases,
        }
    }
}

struct Builder<'a> {
    site: &'a Site<'a>,
    built: Built,
}

impl Builder<'_> {
    fn engines(&mut self, layer: Layer, secrets: &Secrets) -> Result<(), ProvisionError> {
        let engines = self.site.system.engines.iter();
        for (name, declared) in engines.filter(|(_, it)| Layer::of(it.kind) == layer) {
            let role = Role::of_engine(declared);
            self.built.roles.insert(name.clone(), role);
            if let Some(address) =
                self.site.options.external.get(name).and_then(|url| Address::of_external(url))
            {
                self.built.addresses.insert(name.clone(), address);
                continue;
            }
            let (data, log) = (self.site.folder.data(name), self.site.folder.log(name));
            let primary = declared.replica_of.as_deref();
            let places = EnginePlaces {
                data: &data,
                log: &log,
                ports: self.site.ports.all(),
                secrets,
                host: self.site.hosts.of(name),
                upstream: primary.and_then(|primary| self.upstream(name, primary)),
                kafka: self.kafka(name),
                peers: self.peers(name),
                agent: self.agent(name),
                backends: self.backends(name, declared),
                configuration: self.configuration(name, declared)?,
            };
            let spec = engine_spec(self.site.system, name, &places);
            let installation = &self.site.tools[&spec.kind.tool()];
            let engine = Engine::adopt(spec, installation, &self.site.options.spawner)
                .map_err(|error| ProvisionError::Start(Arc::new(error.into())))?;
            let address = self.address_of(&engine, declared);
            self.built.addresses.insert(name.clone(), address);
            let revival = match self.site.system.has_agent(name) {
                // Its agent decides, and is started as a service manager would.
                true => Revival::Keeper,
                false => Revival::of(declared),
            };
            self.keep(name, Unit::Engine(Box::new(engine)), revival);
        }
        Ok(())
    }

    /// The brokers of its cluster, and the listeners through which it is reached.
    fn kafka(&self, name: &str) -> KafkaSpec {
        let Site { system, ports, hosts, routes, .. } = self.site;
        let at = |broker: &str| {
            SocketAddrV4::new(hosts.address(broker), ports.of(broker).unwrap_or_default())
        };
        KafkaSpec { edges: routes.to_broker(name), ..kafka_spec(system, name, at) }
    }

    /// How others reach it. A proxy speaks as those behind it do, with their users and passwords.
    fn address_of(&self, engine: &Engine, declared: &EngineDeclaration) -> Address {
        let own = SocketAddrV4::new(engine.spec().address(), engine.spec().port);
        let behind = declared.backends.first().and_then(|name| self.built.addresses.get(name));
        let address = match behind {
            Some(behind) => behind.through(own),
            None => Address {
                host: own.ip().to_string(),
                port: own.port(),
                url: engine.url(),
                admin_url: Some(engine.admin_url()),
                socket: None,
            },
        };
        Address { socket: engine.socket(), ..address }
    }

    /// Where it finds those that take turns with it.
    fn peers(&self, name: &str) -> Vec<Peer> {
        let peers = self.site.system.peers(name).into_iter().filter_map(|peer| {
            let address = self.upstream(name, peer)?;
            Some(Peer { name: peer.to_owned(), address })
        });
        peers.collect()
    }

    /// Who decides on its role, if that is not a service of the system.
    fn agent(&self, name: &str) -> Option<Agent> {
        let Site { system, ports, hosts, tools, .. } = self.site;
        let program = system.has_agent(name).then(|| tools.get(&Tool::Patroni))??.path.clone();
        let store = SocketAddrV4::new(hosts.address(STORE), ports.of(STORE)?);
        let port = ports.of(&agent_of(name))?;
        Some(Agent { program, port, store, cluster: system.cluster_name(name) })
    }

    fn backends(&self, name: &str, declared: &EngineDeclaration) -> Vec<Backend> {
        let backends = declared.backends.iter().filter_map(|backend| {
            let direct = self.built.addresses.get(backend)?;
            let address = self.site.routes.address(name, backend, direct).authority();
            let port = self.site.ports.of(&agent_of(backend));
            let agent = port.map(|port| SocketAddrV4::new(self.site.hosts.address(backend), port));
            Some(Backend { name: backend.clone(), address, agent })
        });
        backends.collect()
    }

    /// The file of the system with everything filled in.
    fn configuration(
        &self,
        name: &str,
        declared: &EngineDeclaration,
    ) -> Result<Option<String>, ProvisionError> {
        let Some(config) = &declared.config else { return Ok(None) };
        let process = || name.to_owned();
        let text = self.site.system.source.read(config);
        let text = text.map_err(|source| ProvisionError::Source { process: process(), source })?;
        let mut values = BTreeMap::new();
        for (other, address) in &self.built.addresses {
            self.site.routes.address(name, other, address).add_to(other, &mut values);
        }
        let port = self.site.ports.of(name).unwrap_or_default();
        let dir = self.site.folder.data(name).display().to_string();
        let host = self.site.hosts.address(name).to_string();
        for (key, value) in
            [("dir", dir), ("name", name.to_owned()), ("host", host), ("port", port.to_string())]
        {
            values.insert(key.to_owned(), value);
        }
        let filled = fill(&text, &values);
        filled
            .map(Some)
            .map_err(|source| ProvisionError::Placeholder { process: process(), source })
    }

    /// Where a replica finds its primary: behind a listener, or where it is itself.
    fn upstream(&self, replica: &str, primary: &str) -> Option<SocketAddrV4> {
        let Site { ports, hosts, routes, .. } = self.site;
        let own = ports.of(primary).map(|port| SocketAddrV4::new(hosts.address(primary), port));
        routes.listener(replica, primary).or(own)
    }

    fn service_addresses(&mut self) {
        for name in self.site.system.services.keys() {
            self.built.roles.insert(name.clone(), Role::Service);
            if let Some(port) = self.site.ports.of(name) {
                let at = SocketAddrV4::new(self.site.hosts.address(name), port);
                self.built.addresses.insert(name.clone(), Address::of_service(at));
            }
        }
    }

    fn services(&mut self) -> Result<(), ProvisionError> {
        let run_token = token();
        let Site { ports, hosts, .. } = self.site;
        let pivot = Pivot { ports, hosts, token: &run_token, seed: self.site.options.seed };
        self.built.levers = Levers::choose(self.site.system, pivot)?;
        for name in self.site.system.services.keys() {
            let declared = self.site.system.service_without(name, &self.site.options.without);
            let declared = declared.expect("the name is a key of the services");
            let planner = Planner {
                system: self.site.system,
                options: self.site.options,
                folder: self.site.folder,
                addresses: &self.built.addresses,
                hosts: self.site.hosts,
                routes: self.site.routes,
                tools: self.site.tools,
                levers: &self.built.levers,
                run_token: &run_token,
            };
            let plan = planner.service(name, &declared)?;
            super::folder::make(&self.site.folder.data(name))?;
            let (lines, received) = mpsc::channel(LINES_MAX);
            self.built.tasks.spawn(read_events(
                name.clone(),
                received,
                self.site.options.events.clone(),
            ));
            let revival = Revival::from(plan.restart);
            let service = Service::new(plan, self.site.options.spawner.clone(), lines);
            self.keep(name, Unit::Service(Box::new(service)), revival);
            self.actuate(name, &declared)?;
        }
        Ok(())
    }

    /// Opens the socket at which a service decides on the engines that it manages.
    fn actuate(&mut self, name: &str, declared: &ServiceDeclaration) -> Result<(), ProvisionError> {
        if declared.actuates.is_empty() {
            return Ok(());
        }
        let keepers = declared
            .actuates
            .iter()
            .filter_map(|node| Some((node.clone(), self.built.keepers.get(node)?.clone())));
        let actuator = Actuator::new(keepers.collect());
        let listener = actuator::listen(&self.site.folder.actuator_socket(name))?;
        self.built.tasks.spawn(actuator.serve(listener));
        Ok(())
    }

    fn keep(&mut self, name: &str, unit: Unit, revival: Revival) {
        let (keeper, handle) = Keeper::new(KeeperParts {
            name: name.to_owned(),
            unit,
            revival,
            events: self.site.options.events.clone(),
            registry: Arc::clone(&self.built.registry),
        });
        self.built.tasks.spawn(keeper.run());
        self.built.keepers.insert(name.to_owned(), handle);
    }
}

/// What a service prints is log; lines that are events are events as well.
async fn read_events(service: String, mut lines: mpsc::Receiver<String>, events: EventSink) {
    while let Some(line) = lines.recv().await {
        if let Some(event) = Event::from_service_line(&line, events.clock().now_us(), &service) {
            events.send(event);
        }
    }
}

fn token() -> String {
    let mut bytes = [0_u8; TOKEN_BYTES];
    rand::rng().fill_bytes(&mut bytes);
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
