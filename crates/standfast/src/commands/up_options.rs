//! What an instance is brought up with: asked for on a command line, or written down when it came
//! up. Both are compared, and both are said again to the supervisor.

use std::collections::BTreeMap;

use standfast_lab::instance::{InstanceRecord, Ports};
use standfast_lab::spec::{Brokers, Manager, System};

use crate::cli::UpArguments;

/// Every option of `up` that makes a difference to the instance.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct UpOptions {
    /// The name of a shipped system, or a folder.
    pub(super) system: String,
    pub(super) name: String,
    pub(super) ports: Ports,
    pub(super) without: Vec<String>,
    /// Engines that run elsewhere, with their URLs.
    pub(super) external: BTreeMap<String, String>,
    pub(super) brokers: Option<Brokers>,
    pub(super) manager: Manager,
    /// All processes of a part of the system.
    pub(super) only: Option<Vec<String>>,
    pub(super) is_direct: bool,
    pub(super) own_hosts: bool,
}

impl UpOptions {
    /// What is asked for. The fields are all named, so that a new one cannot be lost on the way to
    /// the supervisor.
    pub(super) fn asked(
        arguments: &UpArguments,
        system: &System,
        external: BTreeMap<String, String>,
    ) -> Self {
        let UpArguments {
            system: _,
            detach: _,
            without,
            port_base,
            engine: _,
            brokers: _,
            manager: _,
            only: _,
            direct,
            hosts,
            name,
            yes: _,
            ports_again,
            supervise: _,
        } = arguments;
        let usual_name = || match port_base {
            Some(base) => format!("{}-{base}", system.name),
            None => system.name.clone(),
        };
        let folder = system.source.folder();
        Self {
            system: folder.map_or_else(|| system.name.clone(), |path| path.display().to_string()),
            name: name.clone().unwrap_or_else(usual_name),
            ports: match port_base {
                Some(base) => Ports::Base(*base),
                None if *ports_again => Ports::Recorded,
                None => Ports::Declared,
            },
            without: without.clone(),
            external,
            brokers: system.brokers,
            manager: system.manager,
            only: system.is_part().then(|| system.start_order.clone()),
            is_direct: *direct || *hosts,
            own_hosts: *hosts,
        }
    }

    /// What brings a known instance up again.
    pub(super) fn recorded(record: &InstanceRecord) -> Self {
        let folder = record.folder.as_ref().map(|folder| folder.display().to_string());
        Self {
            system: folder.unwrap_or_else(|| record.system.clone()),
            name: record.name.clone(),
            ports: Ports::Recorded,
            without: record.without.clone(),
            external: record.external.clone(),
            brokers: record.brokers,
            manager: record.manager,
            only: record.only.clone(),
            is_direct: record.is_direct,
            own_hosts: record.own_hosts,
        }
    }

    /// Whether an instance that runs is what is asked for. Where its ports are matters only to
    /// whoever says where they should be.
    pub(super) fn are_those_of(&self, record: &InstanceRecord) -> bool {
        let has_ports = match self.ports {
            Ports::Base(base) => record.ports.values().min().is_none_or(|first| *first == base),
            Ports::Declared | Ports::Automatic | Ports::Recorded => true,
        };
        let plain = |options: &Self| {
            let mut plain = Self { ports: Ports::Recorded, ..options.clone() };
            plain.without.sort();
            plain.without.dedup();
            plain
        };
        has_ports && plain(self) == plain(&Self::recorded(record))
    }

    /// The same as one would type it.
    pub(super) fn words(&self) -> Vec<String> {
        let Self {
            system,
            name,
            ports,
            without,
            external,
            brokers,
            manager,
            only,
            is_direct,
            own_hosts,
        } = self;
        let mut words = vec!["up".to_owned(), system.clone(), "--name".to_owned(), name.clone()];
        match ports {
            Ports::Declared | Ports::Automatic => {}
            Ports::Base(base) => words.extend(["--port-base".to_owned(), base.to_string()]),
            Ports::Recorded => words.push("--ports-again".to_owned()),
        }
        for tactic in without {
            words.extend(["--without".to_owned(), tactic.clone()]);
        }
        for (engine, url) in external {
            words.extend(["--engine".to_owned(), format!("{engine}={url}")]);
        }
        if let Some(brokers) = brokers {
            words.extend(["--brokers".to_owned(), brokers.to_string()]);
        }
        if *manager != Manager::default() {
            words.extend(["--manager".to_owned(), manager.to_string()]);
        }
        if let Some(only) = only {
            words.extend(["--only".to_owned(), only.join(",")]);
        }
        if *is_direct {
            words.push("--direct".to_owned());
        }
        if *own_hosts {
            words.push("--hosts".to_owned());
        }
        words
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record() -> InstanceRecord {
        InstanceRecord {
            name: "shop".to_owned(),
            system: "voted-inventory".to_owned(),
            folder: None,
            ports: BTreeMap::from([("postgres".to_owned(), 7001), ("web".to_owned(), 7000)]),
            without: vec!["vote".to_owned(), "audit".to_owned()],
            environment: BTreeMap::new(),
            brokers: "3".parse().ok(),
            manager: Manager::Patroni,
            only: Some(vec!["postgres".to_owned(), "inventory".to_owned()]),
            external: BTreeMap::from([("postgres".to_owned(), "postgresql://a@b/c".to_owned())]),
            is_direct: true,
            own_hosts: false,
            ephemeral: false,
            supervisor: None,
        }
    }

    #[test]
    fn an_instance_comes_up_again_as_it_was() {
        let expected = "up voted-inventory --name shop --ports-again --without vote \
                        --without audit --engine postgres=postgresql://a@b/c --brokers 3 \
                        --manager patroni --only postgres,inventory --direct";
        assert_eq!(UpOptions::recorded(&record()).words().join(" "), expected);
    }

    #[test]
    fn every_difference_to_a_running_instance_is_seen_and_the_order_of_tactics_is_none() {
        let asked = UpOptions { ports: Ports::Declared, ..UpOptions::recorded(&record()) };
        let turned = vec!["audit".to_owned(), "vote".to_owned()];
        let same = [
            asked.clone(),
            UpOptions { without: turned, ..asked.clone() },
            UpOptions { ports: Ports::Base(7000), ..asked.clone() },
        ];
        assert!(same.iter().all(|options| options.are_those_of(&record())));
        let others = [
            UpOptions { system: "order-saga".to_owned(), ..asked.clone() },
            UpOptions { ports: Ports::Base(7001), ..asked.clone() },
            UpOptions { without: Vec::new(), ..asked.clone() },
            UpOptions { external: BTreeMap::new(), ..asked.clone() },
            UpOptions { brokers: None, ..asked.clone() },
            UpOptions { manager: Manager::Watchdog, ..asked.clone() },
            UpOptions { only: None, ..asked.clone() },
            UpOptions { is_direct: false, ..asked.clone() },
            UpOptions { own_hosts: true, ..asked },
        ];
        for other in others {
            assert!(!other.are_those_of(&record()), "{other:?}");
        }
    }
}
