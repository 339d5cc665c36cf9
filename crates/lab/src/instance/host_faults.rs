//! Hosts of a running instance that are cut off, and joined again.

use std::net::SocketAddrV4;
use std::sync::Arc;

use super::faults::{Grip, Held};
use super::running::Instance;
use crate::fault::{Fault, FaultError, FaultKind, Guard, Injected, Isolated, Station, isolate};

impl Instance {
    pub(super) async fn isolate(&self, fault: &Fault) -> Result<Injected, FaultError> {
        let events = &self.parts.events;
        let station = self.station(&fault.target)?;
        events.send(self.fault_event("injecting", fault));
        let isolated = match self.held_by(&fault.target) {
            Some(held) => Err(FaultError::AlreadyHeld { target: fault.target.clone(), held }),
            None if station.pid.is_none() => {
                let why = "it is not running";
                Err(FaultError::no_effect(FaultKind::Isolate, &fault.target, why))
            }
            None => isolate(station).await,
        };
        let (evidence, isolated) = match isolated {
            Ok((evidence, isolated)) => (evidence, Arc::new(isolated)),
            Err(error) => return Err(self.tell_not_injected(fault, error)),
        };
        let at_us = self.tell_injected(fault, &evidence);
        let grip = Grip::Host(Arc::clone(&isolated));
        self.faults().push(Held { fault: fault.clone(), grip });
        Ok(Injected::new(fault.clone(), at_us, evidence, Guard::Host(isolated)))
    }

    fn station(&self, target: &str) -> Result<Station, FaultError> {
        // First of all: a target that is not there has no host either.
        self.fault_target(target)?;
        let hosts = &self.parts.hosts;
        let network = hosts.network().cloned();
        let network = network.ok_or_else(|| FaultError::NoHost { target: target.to_owned() })?;
        let port = self.parts.addresses.get(target).map(|address| address.port);
        let address = port.map(|port| SocketAddrV4::new(hosts.address(target), port));
        Ok(Station { network, process: target.to_owned(), pid: self.pid(target), address })
    }

    /// The fault that holds a process itself, or its host.
    pub(super) fn held_by(&self, process: &str) -> Option<FaultKind> {
        let held = self.active_faults();
        held.into_iter()
            .find(|fault| !fault.kind.is_of_network() && fault.target == process)
            .map(|fault| fault.kind)
    }

    /// Whether the host of `process` is cut off.
    pub(super) fn is_isolated(&self, process: &str) -> bool {
        let faults = self.faults();
        let mut hosts = faults.iter().filter_map(|held| held.grip.host());
        hosts.any(|isolated| isolated.process() == process && !isolated.is_healed())
    }

    /// Joins a host again, and waits until its process is reached as before.
    pub(super) async fn join(&self, fault: &Fault, isolated: &Isolated) -> Result<(), FaultError> {
        if isolated.is_healed() {
            return Ok(());
        }
        let events = &self.parts.events;
        events.send(self.fault_event("healing", fault));
        isolated.join().await?;
        self.takes_connections(fault, isolated.process()).await?;
        events.send(self.fault_event("healed", fault));
        Ok(())
    }

    /// Joins every host again: whoever is to end in order may have to tell others.
    pub(super) async fn join_all(&self) {
        let isolated: Vec<Arc<Isolated>> = {
            let faults = self.faults();
            faults.iter().filter_map(|held| held.grip.host().cloned()).collect()
        };
        for isolated in isolated.iter().filter(|isolated| !isolated.is_healed()) {
            if let Err(error) = isolated.join().await {
                tracing::warn!(%error, "a host stays cut off");
            }
        }
    }
}
