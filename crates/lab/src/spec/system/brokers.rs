//! A system whose log has one broker, brought up with several: what a user asks for by `--brokers`
//! and an experiment by `brokers`, so that nobody has to write the same system twice.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use super::System;
use super::check::is_name;
use super::file::{EngineDeclaration, EngineKind};

/// Each takes a Java heap and a quarter of a gigabyte of memory; a laptop has no room for more.
const BROKERS_MAX: u32 = 9;

/// How many brokers a log runs on. A cluster goes on for as long as most of them are there, so that
/// two survive no more than one does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "u32", into = "u32")]
pub struct Brokers(u32);

/// Why there cannot be so many brokers.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BrokersError {
    #[error("`{text}` is no number of brokers: 1, or 3 to {BROKERS_MAX}")]
    NoNumber { text: String },
    #[error(
        "2 brokers survive nothing that one would not: without either of them the other is no \
         majority; take 3"
    )]
    Two,
    #[error("{count} brokers: there are 1, or 3 to {BROKERS_MAX}")]
    Count { count: u32 },
    #[error("system `{system}` has no broker: none of its engines is kafka")]
    NoBroker { system: String },
    #[error(
        "system `{system}` declares its brokers itself ({}); change that in its system.toml",
        .brokers.join(", ")
    )]
    Declared { system: String, brokers: Vec<String> },
    #[error("another broker would be called `{name}`, which system `{system}` has, or no name")]
    Name { system: String, name: String },
}

impl Brokers {
    /// # Errors
    /// When a log would gain nothing by so many, or this machine cannot hold them.
    pub fn try_new(count: u32) -> Result<Self, BrokersError> {
        match count {
            2 => Err(BrokersError::Two),
            1..=BROKERS_MAX => Ok(Self(count)),
            _ => Err(BrokersError::Count { count }),
        }
    }

    pub fn count(self) -> u32 {
        self.0
    }

    /// What those beside the first are called, however many there can be.
    pub(crate) fn names(first: &str) -> impl Iterator<Item = String> {
        (2..=BROKERS_MAX).map(move |number| format!("{first}-{number}"))
    }
}

impl TryFrom<u32> for Brokers {
    type Error = BrokersError;

    fn try_from(count: u32) -> Result<Self, BrokersError> {
        Self::try_new(count)
    }
}

impl From<Brokers> for u32 {
    fn from(brokers: Brokers) -> Self {
        brokers.0
    }
}

impl FromStr for Brokers {
    type Err = BrokersError;

    fn from_str(text: &str) -> Result<Self, BrokersError> {
        let no_number = |_error| BrokersError::NoNumber { text: text.to_owned() };
        Self::try_new(text.parse().map_err(no_number)?)
    }
}

impl fmt::Display for Brokers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl JsonSchema for Brokers {
    fn schema_name() -> Cow<'static, str> {
        "Brokers".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let counts: Vec<u32> = (1..=BROKERS_MAX).filter(|count| *count != 2).collect();
        json_schema!({ "type": "integer", "enum": counts })
    }
}

impl System {
    /// The system with a cluster of so many brokers in the place of its only one: `kafka`,
    /// `kafka-2`, `kafka-3`. Whoever needs the one needs all of them, and `url` of it names all.
    ///
    /// # Errors
    /// When it has no broker, or declares more than one.
    pub fn with_brokers(mut self, brokers: Brokers) -> Result<Self, BrokersError> {
        let first = self.only_broker()?;
        if brokers.count() == 1 {
            return Ok(self);
        }
        let added = self.added_brokers(&first, brokers)?;
        let names: Vec<String> = added.keys().cloned().collect();
        self.engines.extend(added);
        for service in self.services.values_mut().filter(|one| one.needs.contains(&first)) {
            service.needs.extend(names.clone());
        }
        let after = self.start_order.iter().position(|name| *name == first);
        let after = after.expect("every engine of a checked system has its place") + 1;
        self.start_order.splice(after..after, names);
        self.edges = self.declared().edges();
        self.brokers = Some(brokers);
        Ok(self)
    }

    /// The broker that others can be put beside, or were.
    pub(crate) fn first_broker(&self) -> Option<&str> {
        let brokers = self.engines.iter().filter(|(_, engine)| engine.kind == EngineKind::Kafka);
        let mut first =
            brokers.filter(|(_, engine)| self.brokers.is_none() || engine.cluster_of.is_none());
        let (name, _) = first.next()?;
        first.next().is_none().then_some(name)
    }

    fn only_broker(&self) -> Result<String, BrokersError> {
        let is_broker = |engine: &EngineDeclaration| engine.kind == EngineKind::Kafka;
        let brokers = self.engines.iter().filter(|(_, engine)| is_broker(engine));
        let mut brokers: Vec<String> = brokers.map(|(name, _)| name.clone()).collect();
        let system = self.name.clone();
        match (brokers.pop(), brokers.is_empty()) {
            (None, _) => Err(BrokersError::NoBroker { system }),
            (Some(only), true) => Ok(only),
            (Some(last), false) => {
                brokers.push(last);
                Err(BrokersError::Declared { system, brokers })
            }
        }
    }

    /// The others beside `first`, on the next ports that nobody in the system has.
    fn added_brokers(
        &self,
        first: &str,
        brokers: Brokers,
    ) -> Result<BTreeMap<String, EngineDeclaration>, BrokersError> {
        let model = &self.engines[first];
        let engines = self.engines.values().map(|engine| engine.port);
        let services = self.services.values().filter_map(|service| service.port);
        let taken: BTreeSet<u16> = engines.chain(services).collect();
        let ports = (model.port..=u16::MAX).chain(1..model.port);
        let ports = ports.filter(|port| !taken.contains(port));
        let mut added = BTreeMap::new();
        let count = brokers.count() as usize - 1;
        for (name, port) in Brokers::names(first).take(count).zip(ports) {
            if self.processes().any(|process| process == name) || !is_name(&name) {
                return Err(BrokersError::Name { system: self.name.clone(), name });
            }
            let cluster_of = Some(first.to_owned());
            added.insert(name, EngineDeclaration { port, cluster_of, ..model.clone() });
        }
        Ok(added)
    }
}

#[cfg(test)]
mod tests {
    use super::super::Edge;
    use super::*;
    use crate::spec::SystemSource;

    const SYSTEM: &str = r#"name = "shop"
title = "A shop"
[engine.log]
kind = "kafka"
port = 9092
settings = { heap = "128m" }
[engine.store]
kind = "postgres"
port = 9093
[service.web]
run = ["web", "{port}", "{log.url}"]
port = 5000
needs = ["log", "store"]
[service.page]
run = ["page", "{web.url}"]
port = 5001
needs = ["web"]
"#;

    fn system(text: &str) -> System {
        let (name, text) = ("shop".to_owned(), text.to_owned());
        System::load(SystemSource::Embedded { name, text, files: Vec::new() }).unwrap()
    }

    fn brokers(count: u32) -> Brokers {
        Brokers::try_new(count).unwrap()
    }

    fn refusal(text: &str, count: u32) -> String {
        system(text).with_brokers(brokers(count)).unwrap_err().to_string()
    }

    #[test]
    fn one_broker_becomes_a_cluster_that_whoever_needs_it_needs() {
        let three = system(SYSTEM).with_brokers(brokers(3)).unwrap();
        assert_eq!(three.cluster("log"), ["log", "log-2", "log-3"]);
        assert_eq!(three.cluster("log-3"), three.cluster("log"));
        let port = |name: &str| three.engines[name].port;
        assert_eq!([port("log"), port("log-2"), port("log-3")], [9092, 9094, 9095]);
        assert_eq!(three.engines["log-2"].settings["heap"], "128m", "they are alike");
        assert_eq!(three.needs("web"), ["log", "store", "log-2", "log-3"]);
        assert_eq!(three.needs("page"), ["web"]);
        assert_eq!(three.start_order, ["log", "log-2", "log-3", "store", "web", "page"]);
        for broker in ["log", "log-2", "log-3"] {
            assert!(three.edges().contains(&Edge::new("web", broker)), "{broker}");
        }
        assert_eq!((three.brokers, three.first_broker()), (Some(brokers(3)), Some("log")));
    }

    #[test]
    fn one_broker_is_the_system_as_it_is_written() {
        let one = system(SYSTEM).with_brokers(brokers(1)).unwrap();
        assert_eq!((one.engines.len(), one.brokers), (2, None));
        assert_eq!(one.first_broker(), Some("log"));
        let others = system(SYSTEM).with_brokers(brokers(9)).unwrap();
        assert_eq!(others.cluster("log").len(), 9);
    }

    #[test]
    fn a_number_that_gains_nothing_or_does_not_fit_is_refused() {
        let check = |text: &str, expected: &str| {
            let error = text.parse::<Brokers>().unwrap_err().to_string();
            assert!(error.contains(expected), "{text}: {error}");
        };
        check("0", "0 brokers: there are 1, or 3 to 9");
        check("2", "no majority; take 3");
        check("10", "10 brokers");
        for text in ["", "three", "-3", "3.0", "99999999999"] {
            check(text, "is no number of brokers");
        }
    }

    #[test]
    fn a_system_that_has_no_broker_or_several_is_refused() {
        let without = SYSTEM.replace("\"kafka\"", "\"valkey\"");
        assert_eq!(
            refusal(&without, 1),
            "system `shop` has no broker: none of its engines is kafka"
        );
        let more = "\"kafka\"\nport = 9099\ncluster_of = \"log\"";
        let declared = SYSTEM.replace("\"postgres\"\nport = 9093", more);
        assert_eq!(
            refusal(&declared, 3),
            "system `shop` declares its brokers itself (log, store); change that in its system.toml"
        );
        assert_eq!(system(&declared).first_broker(), None);
        let taken = SYSTEM.replace("service.page", "service.log-3");
        assert!(refusal(&taken, 3).contains("called `log-3`"));
        assert!(system(&taken).with_brokers(brokers(1)).is_ok());
    }
}
