//! The names that a user asks for: checked before anything is installed, written or started.

use std::collections::BTreeMap;

use super::address::Address;
use super::options::{ProvisionError, ProvisionOptions};
use crate::spec::{System, is_name, nearest};

/// What a command line says about an instance, besides its system.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// What the instance is to be called.
    pub name: &'a str,
    /// Tactics that are switched off.
    pub without: &'a [String],
    /// Engines that run elsewhere, with their URLs.
    pub external: &'a BTreeMap<String, String>,
}

impl<'a> Asked<'a> {
    pub(super) fn of(options: &'a ProvisionOptions) -> Self {
        let ProvisionOptions { name, without, external, .. } = options;
        Self { name, without, external }
    }

    /// Checks it against what `system` has.
    ///
    /// # Errors
    /// Names the first word that is wrong.
    pub fn check(&self, system: &System) -> Result<(), ProvisionError> {
        if !is_name(self.name) {
            return Err(ProvisionError::Name { name: self.name.to_owned() });
        }
        for tactic in self.without {
            if !system.tactics.contains_key(tactic) {
                return Err(unknown("tactic", tactic, system, system.tactics.keys()));
            }
        }
        for (engine, url) in self.external {
            if !system.engines.contains_key(engine) {
                return Err(unknown("engine", engine, system, system.engines.keys()));
            }
            if Address::of_external(url).is_none() {
                let (engine, url) = (engine.clone(), url.clone());
                return Err(ProvisionError::ExternalUrl { engine, url });
            }
        }
        self.check_clusters(system)
    }

    /// What belongs together runs here or there.
    fn check_clusters(&self, system: &System) -> Result<(), ProvisionError> {
        let is_here = |name: &str| !self.external.contains_key(name);
        for other in self.external.keys() {
            if let Some(broker) = system.cluster(other).into_iter().find(|name| is_here(name)) {
                let (broker, other) = (broker.to_owned(), other.clone());
                return Err(ProvisionError::ExternalCluster { broker, other });
            }
        }
        for (replica, engine) in &system.engines {
            if let Some(primary) = engine.replica_of.as_ref().filter(|name| !is_here(name))
                && is_here(replica)
            {
                let (replica, primary) = (replica.clone(), primary.clone());
                return Err(ProvisionError::ExternalPrimary { replica, primary });
            }
        }
        Ok(())
    }
}

/// Variables are for services that there are.
pub(super) fn check_services(
    system: &System,
    options: &ProvisionOptions,
) -> Result<(), ProvisionError> {
    let mut services = options.environment.keys();
    match services.find(|service| !system.services.contains_key(*service)) {
        Some(service) => Err(unknown("service", service, system, system.services.keys())),
        None => Ok(()),
    }
}

fn unknown<'k>(
    what: &'static str,
    name: &str,
    system: &System,
    known: impl Iterator<Item = &'k String>,
) -> ProvisionError {
    ProvisionError::Unknown {
        what,
        name: name.to_owned(),
        system: system.name.clone(),
        suggestion: nearest(name, known.map(String::as_str)),
    }
}
