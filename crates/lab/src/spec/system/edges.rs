//! Edges: which process of a system connects to which other one.
//!
//! A service connects to whomever its templates name, in whatever arm; a replica to its primary,
//! which may become its replica; a proxy to whom it forwards.
//! Whatever breaks a link between two processes names an edge, as in `offers:replica`.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::super::placeholder::placeholders;
use super::super::source::SystemSource;
use super::cluster::cluster_of;
use super::file::{EngineDeclaration, FileCopy, ServiceDeclaration, TacticDeclaration};

/// What of a process one must know to connect to it.
const FIELDS: [&str; 4] = ["url", "host", "port", "admin_url"];

/// A dependency through which one process connects to another; written `from:to`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Edge {
    /// Who connects.
    pub from: String,
    /// To whom.
    pub to: String,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is no edge; write it like offers:replica")]
pub struct EdgeError {
    text: String,
}

impl Edge {
    pub fn new(from: impl Into<String>, to: impl Into<String>) -> Self {
        Self { from: from.into(), to: to.into() }
    }
}

impl fmt::Display for Edge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.from, self.to)
    }
}

impl FromStr for Edge {
    type Err = EdgeError;

    fn from_str(text: &str) -> Result<Self, EdgeError> {
        match text.split_once(':') {
            Some((from, to)) if !from.is_empty() && !to.is_empty() => Ok(Self::new(from, to)),
            _ => Err(EdgeError { text: text.to_owned() }),
        }
    }
}

impl TryFrom<String> for Edge {
    type Error = EdgeError;

    fn try_from(text: String) -> Result<Self, EdgeError> {
        text.parse()
    }
}

impl From<Edge> for String {
    fn from(edge: Edge) -> Self {
        edge.to_string()
    }
}

/// What edges are read from.
#[derive(Clone, Copy, Debug)]
pub(super) struct Declared<'a> {
    pub(super) source: &'a SystemSource,
    pub(super) engines: &'a BTreeMap<String, EngineDeclaration>,
    pub(super) services: &'a BTreeMap<String, ServiceDeclaration>,
    pub(super) tactics: &'a BTreeMap<String, TacticDeclaration>,
}

impl Declared<'_> {
    /// Every edge, those included that a service has in the control arm only.
    pub(super) fn edges(self) -> BTreeSet<Edge> {
        let mut edges = BTreeSet::new();
        for (name, engine) in self.engines {
            edges.extend(engine.replica_of.iter().map(|primary| Edge::new(name, primary)));
            let takes_turns = engine.managed_by.is_some();
            let primary = engine.replica_of.as_ref().filter(|_| takes_turns);
            edges.extend(primary.map(|primary| Edge::new(primary, name)));
            edges.extend(engine.backends.iter().map(|backend| Edge::new(name, backend)));
            let config = engine.config.as_deref().and_then(|file| self.source.read(file).ok());
            self.add(name, config.iter(), &mut edges);
        }
        for (name, service) in self.services {
            let run = service.run.iter().flatten();
            self.add(name, service.env.values().chain(run), &mut edges);
            self.add_files(name, &service.files, &mut edges);
        }
        for (name, change) in self.tactics.values().flat_map(|tactic| &tactic.without) {
            let run = change.run.iter().flatten();
            self.add(name, change.env.values().chain(run), &mut edges);
            self.add_files(name, change.files.as_deref().unwrap_or_default(), &mut edges);
        }
        edges
    }

    /// Edges that variables from outside of `system.toml` make.
    pub(super) fn add_environment(
        self,
        environment: &BTreeMap<String, BTreeMap<String, String>>,
        edges: &mut BTreeSet<Edge>,
    ) {
        for (name, variables) in environment {
            self.add(name, variables.values(), edges);
        }
    }

    fn add_files(self, from: &str, files: &[FileCopy], edges: &mut BTreeSet<Edge>) {
        // A file that cannot be read is reported by the check of the system.
        let texts = files.iter().filter_map(|copy| self.source.read(&copy.from).ok());
        self.add(from, texts.collect::<Vec<_>>().iter(), edges);
    }

    fn add<'t>(
        self,
        from: &str,
        templates: impl Iterator<Item = &'t String>,
        edges: &mut BTreeSet<Edge>,
    ) {
        for name in templates.flat_map(|template| placeholders(template)) {
            let Some((to, field)) = name.split_once('.') else { continue };
            let is_process = self.engines.contains_key(to) || self.services.contains_key(to);
            if is_process && to != from && FIELDS.contains(&field) {
                // A client of one broker is sent on to all brokers of its cluster.
                let brokers = cluster_of(self.engines, to).into_iter();
                edges.extend(brokers.map(|to| Edge::new(from, to)));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::System;
    use super::*;

    const SYSTEM: &str = r#"name = "shop"
title = "A shop"
[engine.primary]
kind = "postgres"
port = 5432
database = "shop"
[engine.replica]
kind = "postgres"
port = 5433
replica_of = "primary"
[engine.cache]
kind = "valkey"
port = 6379
[service.web]
run = ["web", "{port}", "{{cache.url}}", "{web.url}"]
port = 5000
env = { DATABASE = "{replica.url}" }
[service.gate]
run = ["gate", "{dir}/gate.conf"]
port = 5001
files = [{ from = "gate.conf", to = "gate.conf" }]
[tactic.split]
title = "Read from the replica"
without = { web = { env = { DATABASE = "{primary.host}" } } }
"#;

    fn system() -> System {
        let conf = "listen {port}; upstream {web.host}:{web.port};".to_owned();
        System::load(SystemSource::Embedded {
            name: "shop".to_owned(),
            text: SYSTEM.to_owned(),
            files: vec![("gate.conf".to_owned(), conf)],
        })
        .unwrap()
    }

    fn check(edges: &BTreeSet<Edge>, expected: &[&str]) {
        let written: Vec<String> = edges.iter().map(Edge::to_string).collect();
        assert_eq!(written, expected);
    }

    #[test]
    fn edges_are_what_templates_of_any_arm_name_and_whom_replicas_follow() {
        check(system().edges(), &["gate:web", "replica:primary", "web:primary", "web:replica"]);
    }

    #[test]
    fn a_variable_from_outside_makes_an_edge_as_well() {
        let variables = [("CACHE".to_owned(), "{cache.url}".to_owned())].into();
        let environment = [("web".to_owned(), variables)].into();
        let expected = ["gate:web", "replica:primary", "web:cache", "web:primary", "web:replica"];
        check(&system().edges_given(&environment), &expected);
    }

    #[test]
    fn an_edge_is_read_as_it_is_written() {
        assert_eq!("web:cache".parse(), Ok(Edge::new("web", "cache")));
        for text in ["web", ":cache", "web:", ""] {
            assert!(text.parse::<Edge>().is_err(), "{text}");
        }
    }
}
