//! Faults inside of the services of a running instance: told to them, kept account of, and healed.

use std::sync::Arc;

use super::faults::{Grip, Held};
use super::running::Instance;
use crate::fault::{Distorted, Fault, FaultError, FaultKind, Guard, Hit, Injected, Lever, distort};

impl Instance {
    pub(super) async fn distort(&self, fault: &Fault) -> Result<Injected, FaultError> {
        let events = &self.parts.events;
        let lever = self.lever(fault)?;
        events.send(self.fault_event("injecting", fault));
        let distorted = match (self.held_by(&fault.target), self.pid(&fault.target)) {
            (Some(held), _) => Err(FaultError::AlreadyHeld { target: fault.target.clone(), held }),
            (None, None) => {
                Err(FaultError::no_effect(fault.kind, &fault.target, "it is not running"))
            }
            (None, Some(pid)) => distort(fault, lever, pid).await,
        };
        let (evidence, distorted) = match distorted {
            Ok((evidence, distorted)) => (evidence, Arc::new(distorted)),
            Err(error) => return Err(self.tell_not_injected(fault, error)),
        };
        let at_us = self.tell_injected(fault, &evidence);
        let grip = Grip::Application(Arc::clone(&distorted));
        self.faults().push(Held { fault: fault.clone(), grip });
        Ok(Injected::new(fault.clone(), at_us, evidence, Guard::Application(distorted)))
    }

    fn lever(&self, fault: &Fault) -> Result<Lever, FaultError> {
        let target = &fault.target;
        // First of all: a target that is not there has no lever either.
        self.fault_target(target)?;
        let impossible =
            |why| FaultError::Impossible { kind: fault.kind, target: target.clone(), why };
        if let Some(why) = fault.objection(&self.parts.system) {
            return Err(impossible(why));
        }
        let lever = self.parts.levers.of(target).cloned();
        lever.ok_or_else(|| impossible("it has no port for faults".to_owned()))
    }

    /// Tells a service to stop its fault. One whose process has ended has forgotten it, and with it
    /// what the fault had met.
    pub(super) async fn set_right(
        &self,
        fault: &Fault,
        distorted: &Distorted,
    ) -> Result<Option<Hit>, FaultError> {
        if distorted.is_healed() || !self.is_distorted(&fault.target, distorted) {
            return Ok(None);
        }
        let events = &self.parts.events;
        events.send(self.fault_event("healing", fault));
        let hit = distorted.heal().await?;
        events.send(self.fault_event("healed", fault).with("requests", hit.requests));
        Ok(Some(hit))
    }

    /// The fault that a service has by itself.
    pub(super) fn own_fault(&self, service: &str) -> Option<FaultKind> {
        self.held_by(service).filter(|kind| kind.is_of_application())
    }

    /// Whether the process that has the fault still runs.
    pub(super) fn is_distorted(&self, target: &str, distorted: &Distorted) -> bool {
        !distorted.is_healed() && self.pid(target) == Some(distorted.pid())
    }
}
