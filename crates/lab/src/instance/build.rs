//! Makes a keeper for every process of a system, none of which runs yet.

use std::collections::BTreeMap;
use std::net::SocketAddrV4;
use std::sync::Arc;

use rand::Rng;
use standfast_engines::{Engine, Installation, KafkaSpec, Secrets, Tool};
use standfast_history::Event;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::address::Address;
use super::engine_set::{EnginePlaces, engine_spec};
use super::events::EventSink;
use super::folder::InstanceFolder;
use super::hosts::Hosts;
use super::kafka::kafka_spec;
use super::keeper::{Keeper, KeeperParts};
use super::levers::{Levers, Pivot};
use super::options::{ProvisionError, ProvisionOptions};
use super::order::KeeperHandle;
use super::plan::Planner;
use super::ports::PortPlan;
use super::registry::Registry;
use super::routes::Routes;
use super::service::Service;
use super::status::Role;
use super::unit::Unit;
use crate::spec::{Restart, System};

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
    builder.engines(secrets)?;
    builder.services()?;
    Ok(builder.built)
}

struct Builder<'a> {
    site: &'a Site<'a>,
    built: Built,
}

impl Builder<'_> {
    fn engines(&mut self, secrets: &Secrets) -> Result<(), ProvisionError> {
        for (name, declared) in &self.site.system.engines {
            let role = Role::of_engine(declared.kind, declared.replica_of.is_some());
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
            };
            let spec = engine_spec(self.site.system, name, &places);
            let port = spec.port;
            let installation = &self.site.tools[&spec.kind.tool()];
            let engine = Engine::adopt(spec, installation, &self.site.options.spawner)
                .map_err(|error| ProvisionError::Start(Arc::new(error.into())))?;
            let address = Address {
                host: engine.spec().address().to_string(),
                port,
                url: engine.url(),
                admin_url: Some(engine.admin_url()),
            };
            self.built.addresses.insert(name.clone(), address);
            self.keep(name, Unit::Engine(Box::new(engine)), Restart::Always);
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

    /// Where a replica finds its primary: behind a listener, or where it is itself.
    fn upstream(&self, replica: &str, primary: &str) -> Option<SocketAddrV4> {
        let Site { ports, hosts, routes, .. } = self.site;
        let own = ports.of(primary).map(|port| SocketAddrV4::new(hosts.address(primary), port));
        routes.listener(replica, primary).or(own)
    }

    fn services(&mut self) -> Result<(), ProvisionError> {
        for name in self.site.system.services.keys() {
            self.built.roles.insert(name.clone(), Role::Service);
            if let Some(port) = self.site.ports.of(name) {
                let at = SocketAddrV4::new(self.site.hosts.address(name), port);
                self.built.addresses.insert(name.clone(), Address::of_service(at));
            }
        }
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
            let restart = plan.restart;
            let service = Service::new(plan, self.site.options.spawner.clone(), lines);
            self.keep(name, Unit::Service(Box::new(service)), restart);
        }
        Ok(())
    }

    fn keep(&mut self, name: &str, unit: Unit, restart: Restart) {
        let (keeper, handle) = Keeper::new(KeeperParts {
            name: name.to_owned(),
            unit,
            restart,
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
