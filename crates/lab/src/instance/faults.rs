//! Faults of a running instance: injected, kept account of, and healed.

use std::collections::BTreeMap;
use std::sync::{MutexGuard, PoisonError};

use tokio::sync::oneshot;

use super::order::{KeeperHandle, Order};
use super::running::Instance;
use super::status::ProcessState;
use crate::fault::{Fault, FaultError, Hold, Injected};
use crate::spec::nearest;

impl Instance {
    /// Injects a fault; returns when it is verified to be in effect.
    ///
    /// # Errors
    /// When it cannot be done to this target, or had no effect.
    pub async fn inject(&self, fault: &Fault, hold: Hold) -> Result<Injected, FaultError> {
        let (kind, target) = (fault.kind, &fault.target);
        let keeper = self.fault_target(target)?;
        if let Some(why) = kind.objection(self.parts.system.engine_kind(target)) {
            return Err(FaultError::Impossible { kind, target: target.clone(), why });
        }
        let events = &self.parts.events;
        events.send(events.lab("injecting", target).with("fault", kind.to_string()));
        let (reply, answer) = oneshot::channel();
        let order = Order::Inject { kind, is_held: hold == Hold::UntilHealed, reply };
        let gone = || FaultError::InstanceGone { target: target.clone() };
        keeper.orders.send(order).await.map_err(|_closed| gone())?;
        let evidence = match answer.await.map_err(|_closed| gone())? {
            Ok(evidence) => evidence,
            Err(error) => {
                events.send(events.lab("not_injected", target).with("why", error.to_string()));
                return Err(error);
            }
        };
        let at_us = events.clock().at_us(evidence.at);
        let mut event = events.lab("injected", target).with("fault", kind.to_string());
        event.at_us = at_us;
        events.send(event.with("evidence", evidence.text.clone()));
        self.faults().insert(target.clone(), fault.clone());
        Ok(Injected::new(fault.clone(), at_us, evidence, keeper.orders.clone()))
    }

    fn fault_target(&self, target: &str) -> Result<&KeeperHandle, FaultError> {
        self.parts.keepers.get(target).ok_or_else(|| FaultError::UnknownTarget {
            target: target.to_owned(),
            suggestion: nearest(target, self.parts.keepers.keys().map(String::as_str)),
        })
    }

    /// Takes a fault back; returns when its target is verified to be ready again. Of a fault that
    /// the system heals itself, this waits until it has.
    ///
    /// # Errors
    /// When the target is not ready again in time.
    pub async fn heal(&self, injected: Injected) -> Result<(), FaultError> {
        let fault = injected.fault.clone();
        let healed = self.heal_target(&fault).await;
        injected.disarm();
        healed
    }

    /// Heals every fault that is in effect, whoever injected it.
    ///
    /// # Errors
    /// Those that were not restored; the others are.
    pub async fn heal_all(&self) -> Result<(), Vec<FaultError>> {
        let mut failed = Vec::new();
        for fault in self.active_faults() {
            failed.extend(self.heal_target(&fault).await.err());
        }
        if failed.is_empty() { Ok(()) } else { Err(failed) }
    }

    /// Heals one fault that was left in effect.
    ///
    /// # Errors
    /// When the target is not ready again in time.
    pub async fn heal_fault(&self, fault: &Fault) -> Result<(), FaultError> {
        self.heal_target(fault).await
    }

    async fn heal_target(&self, fault: &Fault) -> Result<(), FaultError> {
        let (kind, target) = (fault.kind, &fault.target);
        let keeper = self.fault_target(target)?;
        let events = &self.parts.events;
        events.send(events.lab("healing", target).with("fault", kind.to_string()));
        let healed = keeper.heal().await;
        self.faults().remove(target);
        healed.map_err(|why| FaultError::NotRestored { kind, target: target.clone(), why })?;
        events.send(events.lab("healed", target).with("fault", kind.to_string()));
        Ok(())
    }

    /// Faults that were injected and not healed yet. One that the system heals itself counts until
    /// its target is ready.
    pub fn active_faults(&self) -> Vec<Fault> {
        let mut faults = self.faults();
        let is_over = |target: &String| {
            let keeper = self.parts.keepers.get(target);
            keeper.is_none_or(|keeper| keeper.status.borrow().state == ProcessState::Ready)
        };
        faults.retain(|target, _| !is_over(target));
        faults.values().cloned().collect()
    }

    pub(super) fn faults(&self) -> MutexGuard<'_, BTreeMap<String, Fault>> {
        self.faults.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
