//! The second ports of services that can be told to break themselves.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use sha2::{Digest, Sha256};

use super::hosts::Hosts;
use super::ports::{PortError, PortPlan};
use crate::fault::Lever;
use crate::spec::{ServiceDeclaration, System};

/// What the fault shows at when the system does not say.
const PROBE_DEFAULT: &str = "/health";

/// A lever for each service that says `faults = true`.
#[derive(Debug, Default)]
pub(crate) struct Levers {
    by_service: BTreeMap<String, Lever>,
    /// Held, so that no other instance is given the same ports.
    given: Vec<PortPlan>,
}

/// What all levers of an instance have in common.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pivot<'a> {
    pub(crate) ports: &'a PortPlan,
    pub(crate) hosts: &'a Hosts,
    pub(crate) token: &'a str,
    pub(crate) seed: u64,
}

impl Levers {
    pub(crate) fn choose(system: &System, pivot: Pivot<'_>) -> Result<Self, PortError> {
        let mut levers = Self::default();
        for (name, service) in system.services.iter().filter(|(_, service)| service.faults) {
            levers.add(name, service, pivot)?;
        }
        Ok(levers)
    }

    fn add(
        &mut self,
        name: &str,
        service: &ServiceDeclaration,
        pivot: Pivot<'_>,
    ) -> Result<(), PortError> {
        let host = pivot.hosts.address(name);
        let given = pivot.ports.another(name)?;
        let at = |port: Option<u16>| SocketAddr::from((host, port.unwrap_or_default()));
        let lever = Lever {
            control: at(given.of(name)),
            requests: at(pivot.ports.of(name)),
            probe: service.probe.clone().unwrap_or_else(|| PROBE_DEFAULT.to_owned()),
            token: pivot.token.to_owned(),
            seed: seed_of(name, pivot.seed),
        };
        self.by_service.insert(name.to_owned(), lever);
        self.given.push(given);
        Ok(())
    }

    pub(crate) fn of(&self, service: &str) -> Option<&Lever> {
        self.by_service.get(service)
    }
}

/// Each service has a seed of its own: two that lie must not tell the same lie.
fn seed_of(service: &str, seed: u64) -> u64 {
    let digest = Sha256::new().chain_update(seed.to_be_bytes()).chain_update(service).finalize();
    let first = digest.iter().take(8);
    first.fold(0, |seed, byte| seed << 8 | u64::from(*byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn services_and_runs_have_seeds_of_their_own_that_can_be_repeated() {
        assert_eq!(seed_of("inventory-1", 7), seed_of("inventory-1", 7));
        assert_ne!(seed_of("inventory-1", 7), seed_of("inventory-2", 7));
        assert_ne!(seed_of("inventory-1", 7), seed_of("inventory-1", 8));
    }
}
