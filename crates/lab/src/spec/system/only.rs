//! A part of a system: some of its processes with all that they need, and nothing else.
//!
//! What is left out is not running, so nothing that is up may name it. Therefore the closure goes
//! over everything that the lab fills in or decides with, and not over `needs` alone.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::super::placeholder::placeholders;
use super::file::{EngineDeclaration, FileCopy, ServiceDeclaration};
use super::ready::ReadyCheck;
use super::{STORE, System};

/// Variables per service, as an experiment gives them; one that replaces a variable of the system
/// replaces what that one names as well.
type Environment = BTreeMap<String, BTreeMap<String, String>>;

impl System {
    /// The processes `names` with all that they need in any arm. Whoever takes turns with one that
    /// is needed is needed, too, and so is whoever decides on them.
    pub fn with_only(
        self,
        names: impl IntoIterator<Item = impl Into<String>>,
        environment: &Environment,
    ) -> Self {
        let mut kept = BTreeSet::new();
        let mut open: Vec<String> = names.into_iter().map(Into::into).collect();
        while let Some(name) = open.pop() {
            if self.processes().any(|known| known == name) && kept.insert(name.clone()) {
                open.extend(self.relies_on(&name, environment));
            }
        }
        let whole = Arc::new(self);
        let mut part = System::clone(&whole);
        part.engines.retain(|name, _| kept.contains(name));
        part.services.retain(|name, _| kept.contains(name));
        part.start_order.retain(|name| kept.contains(name));
        part.edges.retain(|edge| kept.contains(&edge.from) && kept.contains(&edge.to));
        part.whole = Some(whole);
        part
    }

    /// The system that this one is a part of; itself when nothing is left out.
    pub fn whole(&self) -> &Self {
        self.whole.as_deref().unwrap_or(self)
    }

    /// Whether anything is left out.
    pub fn is_part(&self) -> bool {
        self.whole.is_some()
    }

    /// Whether it is a process of the whole system, but not of this part.
    pub fn leaves_out(&self, name: &str) -> bool {
        self.whole().processes().any(|known| known == name)
            && !self.processes().any(|known| known == name)
    }

    /// What has to be there for the process `name` to be brought up and to be decided on.
    fn relies_on(&self, name: &str, environment: &Environment) -> BTreeSet<String> {
        match (self.engines.get(name), self.services.get(name)) {
            (Some(engine), _) => self.engine_relies_on(name, engine),
            (None, Some(service)) => self.service_relies_on(name, service, environment.get(name)),
            (None, None) => BTreeSet::new(),
        }
    }

    fn engine_relies_on(&self, name: &str, engine: &EngineDeclaration) -> BTreeSet<String> {
        let named = engine.replica_of.iter().chain(&engine.managed_by).chain(&engine.backends);
        let mut found: BTreeSet<String> = named.cloned().collect();
        found.extend(self.has_agent(name).then(|| STORE.to_owned()));
        let together = self.peers(name).into_iter().chain(self.cluster(name));
        found.extend(together.map(str::to_owned));
        let config = engine.config.as_deref().and_then(|file| self.source.read(file).ok());
        found.extend(named_in(config.iter()));
        found
    }

    fn service_relies_on(
        &self,
        name: &str,
        service: &ServiceDeclaration,
        given: Option<&BTreeMap<String, String>>,
    ) -> BTreeSet<String> {
        let changes = self.tactics.values().filter_map(|tactic| tactic.without.get(name));
        let arms = std::iter::once(service.clone()).chain(changes.map(|it| service.with(it)));
        let mut found: BTreeSet<String> =
            service.needs.iter().chain(&service.actuates).cloned().collect();
        for mut arm in arms {
            arm.env.extend(given.cloned().unwrap_or_default());
            found.extend(named_in(arm.env.values().chain(arm.run.iter().flatten())));
            found.extend(named_in(self.texts(&arm.files).iter()));
            if let ReadyCheck::Command(command) = arm.readiness().check {
                found.extend(named_in(command.iter()));
            }
        }
        found
    }

    /// A file that cannot be read is reported by the check of the system.
    fn texts(&self, files: &[FileCopy]) -> Vec<String> {
        files.iter().filter_map(|copy| self.source.read(&copy.from).ok()).collect()
    }
}

/// The first parts of placeholders such as `{shard-1.url}`; those of no process do no harm.
fn named_in<'t>(templates: impl Iterator<Item = &'t String>) -> BTreeSet<String> {
    let names = templates.flat_map(|template| placeholders(template));
    names.filter_map(|name| Some(name.split_once('.')?.0.to_owned())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::SystemSource;

    const SYSTEM: &str = r#"name = "shop"
title = "A shop"
[engine.core-a]
kind = "postgres"
port = 5432
managed_by = "watchdog"
[engine.core-b]
kind = "postgres"
port = 5433
replica_of = "core-a"
managed_by = "watchdog"
[engine.core]
kind = "haproxy"
port = 6432
backends = ["core-a", "core-b"]
[engine.lone]
kind = "postgres"
port = 5434
[engine.copy]
kind = "postgres"
port = 5435
replica_of = "lone"
[engine.gate]
kind = "nginx"
port = 8000
config = "gate.conf"
[service.watchdog]
run = ["watchdog"]
actuates = ["core-a", "core-b"]
env = { ROUTER = "{core.socket}" }
[service.cart]
run = ["cart", "{port}"]
port = 5000
[service.orders]
run = ["orders", "{port}"]
port = 5001
env = { DATABASE = "{core.url}", PEER = "{cart.url}" }
[service.reports]
run = ["reports", "{port}"]
port = 5002
needs = ["lone"]
[tactic.direct]
title = "Ask the database"
without = { reports = { env = { SOURCE = "{copy.url}" } } }
"#;

    fn check(only: &[&str], environment: &Environment, expected: &[&str]) -> System {
        let conf = "upstream {cart.host}:{cart.port};".to_owned();
        let system = System::load(SystemSource::Embedded {
            name: "shop".to_owned(),
            text: SYSTEM.to_owned(),
            files: vec![("gate.conf".to_owned(), conf)],
        })
        .unwrap();
        let part = system.with_only(only.iter().copied(), environment);
        let mut kept = part.start_order.clone();
        kept.sort();
        assert_eq!(kept, expected, "{only:?}");
        assert!(part.processes().eq(part.engines.keys().chain(part.services.keys())));
        assert!(part.edges().iter().all(|it| !part.leaves_out(&it.from)), "{:?}", part.edges());
        part
    }

    #[test]
    fn whatever_a_process_names_comes_up_with_it_and_nothing_else() {
        let none = Environment::new();
        let core = ["cart", "core", "core-a", "core-b", "orders", "watchdog"];
        let part = check(&["orders"], &none, &core);
        assert!(part.leaves_out("lone") && !part.leaves_out("cart"));
        assert!(!part.leaves_out("nobody"), "what is not there was not left out");
        assert_eq!(part.whole().engines.len(), 6);
        check(&["cart"], &none, &["cart"]);
        check(&["gate"], &none, &["cart", "gate"]);
        let all = ["cart", "copy", "core", "core-a", "core-b", "gate"];
        let all = [&all[..], &["lone", "orders", "reports", "watchdog"]].concat();
        check(&["gate", "reports", "orders"], &none, &all);
    }

    #[test]
    fn those_who_take_turns_come_up_together_and_a_mere_copy_only_when_it_is_named() {
        let none = Environment::new();
        check(&["core-b"], &none, &["core", "core-a", "core-b", "watchdog"]);
        check(&["lone"], &none, &["lone"]);
        check(&["copy"], &none, &["copy", "lone"]);
        check(&["reports"], &none, &["copy", "lone", "reports"]);
    }

    #[test]
    fn a_variable_of_the_experiment_replaces_what_the_system_says_in_it() {
        let given = |service: &str, variables: &[(&str, &str)]| {
            let own = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
            Environment::from([(service.to_owned(), variables.iter().map(own).collect())])
        };
        let alone = given("orders", &[("DATABASE", "none"), ("PEER", "{lone.url}")]);
        check(&["orders"], &alone, &["lone", "orders"]);
        check(&["cart"], &given("cart", &[("PEER", "{lone.url}")]), &["cart", "lone"]);
    }
}
