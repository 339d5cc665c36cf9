//! Where each process of an instance lives: on this machine itself, or on a host of its own, which
//! can be cut off as a whole.

use std::net::{Ipv4Addr, SocketAddrV4};
use std::sync::Arc;

use standfast_engines::hosts::{Host, Network};

use super::options::{ProvisionError, ProvisionOptions};
use crate::spec::System;

/// The hosts of an instance; they are there for as long as this is.
#[derive(Clone, Debug, Default)]
pub(crate) struct Hosts {
    /// Absent when all share this machine.
    network: Option<Arc<Network>>,
}

impl Hosts {
    /// Makes a host for every process, when `options` want that.
    pub(crate) async fn make(
        system: &System,
        options: &ProvisionOptions,
    ) -> Result<Self, ProvisionError> {
        if !options.own_hosts {
            return Ok(Self::default());
        }
        if let Some(engine) = options.external.keys().next() {
            return Err(ProvisionError::ExternalHost { engine: engine.clone() });
        }
        let processes: Vec<String> = system.processes().map(str::to_owned).collect();
        let network = Network::create(&options.spawner, &options.name, &processes).await?;
        Ok(Self { network: Some(Arc::new(network)) })
    }

    pub(crate) fn network(&self) -> Option<&Arc<Network>> {
        self.network.as_ref()
    }

    /// The host of `process`, when it has one of its own.
    pub(crate) fn of(&self, process: &str) -> Option<Host> {
        self.network.as_ref()?.host(process).ok().cloned()
    }

    /// Where `process` listens, and is reached.
    pub(crate) fn address(&self, process: &str) -> Ipv4Addr {
        self.of(process).map_or(Ipv4Addr::LOCALHOST, |host| host.address())
    }

    /// Where processes reach what listens in the lab.
    pub(crate) fn lab(&self, port: u16) -> SocketAddrV4 {
        let network = self.network.as_ref();
        let address = network.map_or(Ipv4Addr::LOCALHOST, |network| network.lab_address());
        SocketAddrV4::new(address, port)
    }
}
