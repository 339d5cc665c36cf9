//! Who decides on the roles of databases: the watchdogs that a system declares, or Patroni with
//! etcd, which a system need not know of.
//!
//! With Patroni each PostgreSQL server of a cluster runs under an agent of its own, all agents
//! agree by one etcd, and proxies ask them who is primary. Names, addresses and passwords stay as
//! they are, so that services notice nothing.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::System;
use super::file::{EngineDeclaration, EngineKind};

/// What the agents agree by; also the name of that engine.
pub(crate) const STORE: &str = "etcd";

/// The port that etcd's documentation gives to clients.
const STORE_PORT: u16 = 2379;

/// An agent's declared port is its server's and this.
const AGENT_ABOVE: u16 = 10_000;

/// Who promotes a replica.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Manager {
    /// The service that the system declares.
    #[default]
    Watchdog,
    Patroni,
}

/// Why a system cannot have that manager.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ManagerError {
    #[error("`{text}` is no manager: watchdog, or patroni")]
    Unknown { text: String },
    #[error("system `{system}` has no cluster of postgres that Patroni could manage")]
    NoCluster { system: String },
    #[error(
        "with patroni an engine is called `{STORE}`, which system `{system}` has already: rename it"
    )]
    Name { system: String },
}

impl fmt::Display for Manager {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Watchdog => "watchdog",
            Self::Patroni => "patroni",
        })
    }
}

impl FromStr for Manager {
    type Err = ManagerError;

    fn from_str(text: &str) -> Result<Self, ManagerError> {
        match text {
            "watchdog" => Ok(Self::Watchdog),
            "patroni" => Ok(Self::Patroni),
            _ => Err(ManagerError::Unknown { text: text.to_owned() }),
        }
    }
}

impl System {
    /// The same system under `manager`. The watchdogs of clusters that Patroni takes over are left
    /// out, and whoever needed one needs what it served instead.
    ///
    /// # Errors
    /// When it has no cluster of PostgreSQL, or a process with the name of what would be added.
    pub fn with_manager(mut self, manager: Manager) -> Result<Self, ManagerError> {
        if manager == Manager::Watchdog {
            return Ok(self);
        }
        let system = self.name.clone();
        if self.processes().any(|name| name == STORE) {
            return Err(ManagerError::Name { system });
        }
        let watchdogs = self.watchdogs();
        if watchdogs.is_empty() {
            return Err(ManagerError::NoCluster { system });
        }
        self.services.retain(|name, _| !watchdogs.contains_key(name));
        for service in self.services.values_mut() {
            let needs = std::mem::take(&mut service.needs);
            let instead = |need: String| watchdogs.get(&need).cloned().unwrap_or(vec![need]);
            service.needs = needs.into_iter().flat_map(instead).collect();
        }
        self.scenarios.retain(|_, scenario| !watchdogs.contains_key(&scenario.service));
        self.start_order.retain(|name| !watchdogs.contains_key(name));
        self.start_order.insert(0, STORE.to_owned());
        self.edges.retain(|edge| !watchdogs.contains_key(&edge.from));
        self.engines.insert(STORE.to_owned(), store());
        self.manager = manager;
        Ok(self)
    }

    /// Whether the engine `name` runs under an agent.
    pub fn has_agent(&self, name: &str) -> bool {
        self.manager == Manager::Patroni && self.clusters_of_postgres().any(|known| known == name)
    }

    /// The PostgreSQL servers on whose roles somebody decides.
    pub(crate) fn clusters_of_postgres(&self) -> impl Iterator<Item = &str> {
        let managed = self.engines.iter().filter(|(_, engine)| {
            engine.kind == EngineKind::Postgres && engine.managed_by.is_some()
        });
        managed.map(|(name, _)| name.as_str())
    }

    /// The ports of agents, each called after its engine as no process can be.
    pub(crate) fn agent_ports(&self) -> BTreeMap<String, u16> {
        let engines = self.engines.iter().filter(|(name, _)| self.has_agent(name));
        let port = |declared: u16| declared.checked_add(AGENT_ABOVE).unwrap_or(declared / 2);
        engines.map(|(name, engine)| (agent_of(name), port(engine.port))).collect()
    }

    /// What the cluster of the engine `name` is called: as the engine that began as its primary.
    pub(crate) fn cluster_name(&self, name: &str) -> String {
        let primary = self.engines.get(name).and_then(|engine| engine.replica_of.clone());
        primary.unwrap_or_else(|| name.to_owned())
    }

    /// Services that decide on PostgreSQL, each with what it serves.
    fn watchdogs(&self) -> BTreeMap<String, Vec<String>> {
        let managed = |engine: &&EngineDeclaration| engine.kind == EngineKind::Postgres;
        let managers = self.engines.values().filter(managed).filter_map(|it| it.managed_by.clone());
        let served = |manager: &String| {
            let is_theirs = |name: &String| {
                let engine = self.engines.get(name);
                engine.is_some_and(|engine| engine.managed_by.as_ref() == Some(manager))
            };
            let engines = self.engines.iter();
            let served = engines
                .filter(|(name, engine)| is_theirs(name) || engine.backends.iter().any(&is_theirs));
            served.map(|(name, _)| name.clone()).collect()
        };
        managers.map(|manager| (manager.clone(), served(&manager))).collect()
    }
}

/// What the port of an engine's agent is called.
pub(crate) fn agent_of(engine: &str) -> String {
    format!("{engine}.agent")
}

fn store() -> EngineDeclaration {
    EngineDeclaration {
        kind: EngineKind::Etcd,
        port: STORE_PORT,
        database: None,
        user: None,
        init: Vec::new(),
        variables: BTreeMap::new(),
        settings: BTreeMap::new(),
        replica_of: None,
        cluster_of: None,
        managed_by: None,
        backends: Vec::new(),
        config: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::SystemSource;

    const SYSTEM: &str = r#"name = "shop"
title = "A shop"
[engine.a]
kind = "postgres"
port = 5432
managed_by = "watchdog"
[engine.b]
kind = "postgres"
port = 5433
replica_of = "a"
managed_by = "watchdog"
[engine.front]
kind = "haproxy"
port = 6432
backends = ["a", "b"]
[service.watchdog]
run = ["watchdog"]
actuates = ["a", "b"]
env = { ROUTER = "{front.socket}" }
[service.orders]
run = ["orders", "{port}"]
port = 5001
needs = ["watchdog"]
env = { DATABASE = "{front.url}" }
"#;

    fn load(text: &str) -> System {
        System::load(SystemSource::Embedded {
            name: "shop".to_owned(),
            text: text.to_owned(),
            files: Vec::new(),
        })
        .unwrap()
    }

    #[test]
    fn patroni_takes_the_place_of_watchdogs_and_services_need_what_those_served() {
        let system = load(SYSTEM).with_manager(Manager::Patroni).unwrap();
        let names: Vec<&str> = system.processes().collect();
        assert_eq!(names, ["a", "b", "etcd", "front", "orders"]);
        assert_eq!(system.services["orders"].needs, ["a", "b", "front"]);
        assert!(system.has_agent("b") && !system.has_agent("front"));
        assert_eq!(system.agent_ports().into_values().collect::<Vec<_>>(), [15432, 15433]);
        assert_eq!((system.cluster_name("a"), system.cluster_name("b")), ("a".into(), "a".into()));
        assert!(system.edges().iter().all(|edge| edge.from != "watchdog"));
    }

    #[test]
    fn a_part_of_it_has_what_the_agents_agree_by() {
        let system = load(SYSTEM).with_manager(Manager::Patroni).unwrap();
        let part = system.with_only(["b"], &BTreeMap::new());
        let names: Vec<&str> = part.processes().collect();
        assert_eq!(names, ["a", "b", "etcd"]);
    }

    #[test]
    fn what_has_no_cluster_is_refused_and_so_is_an_unknown_manager() {
        let alone =
            "name = \"shop\"\ntitle = \"A shop\"\n[engine.a]\nkind = \"postgres\"\nport = 1\n";
        let error = load(alone).with_manager(Manager::Patroni).unwrap_err();
        assert_eq!(error, ManagerError::NoCluster { system: "shop".to_owned() });
        assert!("patron".parse::<Manager>().unwrap_err().to_string().contains("`patron`"));
    }
}
