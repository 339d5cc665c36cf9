//! Faults of the links of a running instance: put on them, kept account of, and mended.

use std::sync::Arc;

use super::faults::{Grip, Held};
use super::running::Instance;
use super::status::ProcessState;
use crate::control::LinkStatus;
use crate::fault::{
    BrokenLinks, Fault, FaultError, FaultKind, Guard, Hit, Hold, Injected, Links, Targets,
    break_links,
};
use crate::spec::Edge;

/// A process that ran on behind a cut link answers at once; one that had to catch up may take this.
const ANSWERS_WITHIN: std::time::Duration = std::time::Duration::from_secs(10);

impl Instance {
    /// Every link that leads through the fault proxy, as it is now.
    pub fn links(&self) -> Vec<LinkStatus> {
        let routes = &self.parts.routes;
        let faults: Vec<_> =
            self.faults().iter().filter_map(|held| held.grip.links().cloned()).collect();
        let link = |(edge, port): (&Edge, &u16)| {
            let under =
                faults.iter().filter(|broken| !broken.is_mended() && broken.edges().contains(edge));
            LinkStatus {
                edge: edge.clone(),
                port: *port,
                connections: routes.connections(edge),
                faults: under.map(|broken| broken.kind()).collect(),
            }
        };
        routes.ports().iter().map(link).collect()
    }

    pub(super) async fn break_links(
        &self,
        fault: &Fault,
        hold: Hold,
    ) -> Result<Injected, FaultError> {
        let links = self.links_of(fault)?;
        let events = &self.parts.events;
        events.send(self.fault_event("injecting", fault));
        let broken = match self.conflict(fault, &links) {
            Some(conflict) => Err(conflict),
            None => break_links(fault, hold, links).await,
        };
        let (evidence, broken) = match broken {
            Ok((evidence, broken)) => (evidence, Arc::new(broken)),
            Err(error) => return Err(self.tell_not_injected(fault, error)),
        };
        let at_us = self.tell_injected(fault, &evidence);
        if broken.lasts() {
            let grip = Grip::Links(Arc::clone(&broken));
            self.faults().push(Held { fault: fault.clone(), grip });
        }
        Ok(Injected::new(fault.clone(), at_us, evidence, Guard::Links(broken)))
    }

    fn links_of(&self, fault: &Fault) -> Result<Links, FaultError> {
        let routes = &self.parts.routes;
        let system = &self.parts.system;
        let processes = system.processes().collect();
        let targets = Targets { system: &system.name, processes, edges: routes.known() };
        let edges = fault.edges(&targets)?;
        let proxy = routes.proxy(&edges)?.clone();
        Ok(Links { proxy, edges })
    }

    /// The same kind of fault on one of the same edges, if there is any.
    fn conflict(&self, fault: &Fault, links: &Links) -> Option<FaultError> {
        let faults = self.faults();
        let mut broken = faults.iter().filter_map(|held| held.grip.links());
        let shared = broken.find_map(|broken| {
            let is_same = !broken.is_mended() && broken.kind() == fault.kind;
            is_same.then(|| broken.edges().intersection(&links.edges).next().cloned()).flatten()
        });
        let held = fault.kind;
        shared.map(|edge| FaultError::AlreadyHeld { target: edge.to_string(), held })
    }

    /// Mends links, and waits until all flows as before.
    pub(super) async fn mend(
        &self,
        fault: &Fault,
        broken: &BrokenLinks,
    ) -> Result<Hit, FaultError> {
        if broken.is_mended() {
            return Ok(broken.mend());
        }
        let events = &self.parts.events;
        events.send(self.fault_event("healing", fault));
        let hit = broken.mend();
        broken.flows().await?;
        if matches!(fault.kind, FaultKind::Cut | FaultKind::Partition) {
            self.targets_answer(fault, broken).await?;
        }
        let event = self.fault_event("healed", fault);
        events.send(
            event.with("connections", hit.connections + hit.attempts).with("bytes", hit.bytes),
        );
        Ok(hit)
    }

    async fn targets_answer(&self, fault: &Fault, broken: &BrokenLinks) -> Result<(), FaultError> {
        for edge in broken.edges() {
            self.takes_connections(fault, &edge.to).await?;
        }
        Ok(())
    }

    /// Whoever is ready by the account of its keeper takes connections on its own port.
    pub(super) async fn takes_connections(
        &self,
        fault: &Fault,
        process: &str,
    ) -> Result<(), FaultError> {
        let Some(keeper) = self.parts.keepers.get(process) else { return Ok(()) };
        let Some(address) = self.parts.addresses.get(process) else { return Ok(()) };
        let authority = address.authority();
        let is_fine = || async {
            // What another fault holds down is not this fault's to bring back.
            let is_held = keeper.status.borrow().state != ProcessState::Ready;
            let answers = || tokio::net::TcpStream::connect(&authority);
            (is_held || answers().await.is_ok()).then_some(())
        };
        let answered = standfast_engines::wait_until(ANSWERS_WITHIN, is_fine).await;
        answered.ok_or_else(|| FaultError::NotRestored {
            kind: fault.kind,
            target: fault.target.clone(),
            why: format!("`{process}` does not answer on {authority}"),
        })
    }

    /// Mends every link at once, without waiting for anything.
    pub(super) fn mend_all(&self) {
        for broken in self.faults().iter().filter_map(|held| held.grip.links()) {
            broken.mend();
        }
    }
}
