//! `system.toml`: engines, services, tactics and scenarios.

mod brokers;
mod check;
mod cluster;
mod edges;
mod file;
mod only;
mod order;
mod patroni;
mod proxies;
mod ready;
mod turns;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use standfast_loadgen::ScenarioSpec;

use super::document::Document;
use super::problem::{Problem, Problems, SpecError};
use super::source::SystemSource;

pub use brokers::{Brokers, BrokersError};
pub use edges::{Edge, EdgeError};
pub use file::{
    EngineDeclaration, EngineKind, FileCopy, RequiredTool, Restart, ServiceDeclaration,
    ServiceOverride, StopSignal, SystemFile, TacticDeclaration,
};
pub use patroni::{Manager, ManagerError};
pub use ready::{Ready, ReadyCheck};

pub(crate) use check::{NAME_LENGTH_MAX, is_name};
pub(crate) use patroni::{STORE, agent_of};

/// A system whose declaration makes sense.
#[derive(Clone, Debug)]
pub struct System {
    pub name: String,
    pub title: String,
    pub source: SystemSource,
    pub requires: Vec<RequiredTool>,
    pub engines: BTreeMap<String, EngineDeclaration>,
    pub services: BTreeMap<String, ServiceDeclaration>,
    pub tactics: BTreeMap<String, TacticDeclaration>,
    pub scenarios: BTreeMap<String, ScenarioSpec>,
    /// Every engine and service, each after all that it needs.
    pub start_order: Vec<String>,
    /// How many brokers it was given in the place of the one that it declares.
    pub brokers: Option<Brokers>,
    /// Who decides on the roles of its PostgreSQL servers.
    pub manager: Manager,
    edges: BTreeSet<Edge>,
    /// What it is a part of, when anything is left out.
    whole: Option<Arc<Self>>,
}

impl System {
    /// Reads and checks a system.
    ///
    /// # Errors
    /// Every mistake of the file, with its line.
    pub fn load(source: SystemSource) -> Result<Self, SpecError> {
        let file = source.file();
        let text = source.text().map_err(|error| SpecError {
            problems: vec![Problem {
                file: file.clone(),
                line: 1,
                text: error.to_string(),
                suggestion: None,
            }],
        })?;
        let document = Document::parse(&file, &text)?;
        let mut problems = Problems::new(&file);
        let read = read(&document, &mut problems);
        let start_order = check::check(&read, &document, &source, &mut problems);
        let declared = edges::Declared {
            source: &source,
            engines: &read.engine,
            services: &read.service,
            tactics: &read.tactic,
        };
        let edges = declared.edges();
        problems.finish(Self {
            name: read.name,
            title: read.title,
            source,
            requires: read.requires,
            engines: read.engine,
            services: read.service,
            tactics: read.tactic,
            scenarios: read.scenario,
            start_order,
            brokers: None,
            manager: Manager::default(),
            edges,
            whole: None,
        })
    }

    /// Which process connects to which, in any arm.
    pub fn edges(&self) -> &BTreeSet<Edge> {
        &self.edges
    }

    /// The same with more variables per service, as an experiment gives them.
    pub fn edges_given(
        &self,
        environment: &BTreeMap<String, BTreeMap<String, String>>,
    ) -> BTreeSet<Edge> {
        let mut edges = self.edges.clone();
        self.declared().add_environment(environment, &mut edges);
        edges
    }

    fn declared(&self) -> edges::Declared<'_> {
        edges::Declared {
            source: &self.source,
            engines: &self.engines,
            services: &self.services,
            tactics: &self.tactics,
        }
    }

    /// Names of every engine and service.
    pub fn processes(&self) -> impl Iterator<Item = &str> {
        self.engines.keys().chain(self.services.keys()).map(String::as_str)
    }

    /// The kind of the engine called `name`; `None` for a service.
    pub fn engine_kind(&self, name: &str) -> Option<EngineKind> {
        self.engines.get(name).map(|engine| engine.kind)
    }

    /// All brokers of the cluster of `name`, in an order that is the same for each; whatever is no
    /// broker stands for itself.
    pub fn cluster<'a>(&'a self, name: &'a str) -> Vec<&'a str> {
        cluster::cluster_of(&self.engines, name)
    }

    /// Those that take turns with the engine `name` in being the primary; none when nobody decides
    /// on that.
    pub fn peers(&self, name: &str) -> Vec<&str> {
        let Some(engine) = self.engines.get(name).filter(|it| it.managed_by.is_some()) else {
            return Vec::new();
        };
        let first = engine.replica_of.as_deref().unwrap_or(name);
        let others = self.engines.iter().filter(|(other, _)| *other != name);
        let peers = others.filter(|(other, engine)| {
            *other == first || engine.replica_of.as_deref() == Some(first)
        });
        peers.map(|(other, _)| other.as_str()).collect()
    }

    /// What has to be ready before `name` is started.
    pub fn needs(&self, name: &str) -> &[String] {
        if let Some(service) = self.services.get(name) {
            return &service.needs;
        }
        self.engines
            .get(name)
            .and_then(|engine| engine.replica_of.as_ref())
            .map_or(&[], std::slice::from_ref)
    }

    /// The service `name` with the tactics of `without` switched off.
    pub fn service_without(&self, name: &str, without: &[String]) -> Option<ServiceDeclaration> {
        let mut service = self.services.get(name)?.clone();
        for tactic in without {
            let change = self.tactics.get(tactic).and_then(|tactic| tactic.without.get(name));
            if let Some(change) = change {
                service = service.with(change);
            }
        }
        Some(service)
    }
}

fn read(document: &Document<'_>, problems: &mut Problems) -> SystemFile {
    const KEYS: &[&str] = &["name", "title", "requires", "engine", "service", "tactic", "scenario"];
    document.check_keys(KEYS, problems);
    SystemFile {
        name: document.read_required("name", problems).unwrap_or_default(),
        title: document.read_required("title", problems).unwrap_or_default(),
        requires: document.read("requires", problems).unwrap_or_default(),
        engine: document.read_tables("engine", problems),
        service: document.read_tables("service", problems),
        tactic: document.read_tables("tactic", problems),
        scenario: document.read_tables("scenario", problems),
    }
}
