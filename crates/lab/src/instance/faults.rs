//! Faults of a running instance: injected, kept account of, and healed.

use std::sync::{Arc, MutexGuard, PoisonError};

use standfast_history::Event;
use tokio::sync::oneshot;

use super::order::{KeeperHandle, Order};
use super::running::Instance;
use super::status::ProcessState;
use crate::fault::{
    BrokenLinks, Distorted, Evidence, Fault, FaultError, FaultKind, Guard, Hit, Hold, Injected,
    Isolated,
};
use crate::spec::nearest;

/// A fault in effect.
#[derive(Clone, Debug)]
pub(super) struct Held {
    pub(super) fault: Fault,
    pub(super) grip: Grip,
}

/// What a fault holds.
#[derive(Clone, Debug)]
pub(super) enum Grip {
    /// Its target, whose keeper knows.
    Process,
    Links(Arc<BrokenLinks>),
    Host(Arc<Isolated>),
    /// Its target, which knows itself.
    Application(Arc<Distorted>),
}

impl Grip {
    fn of(injected: &Injected) -> Self {
        match injected.guard() {
            Some(Guard::Links(links)) => Self::Links(Arc::clone(links)),
            Some(Guard::Host(host)) => Self::Host(Arc::clone(host)),
            Some(Guard::Application(service)) => Self::Application(Arc::clone(service)),
            Some(Guard::Keeper(_)) | None => Self::Process,
        }
    }

    pub(super) fn links(&self) -> Option<&Arc<BrokenLinks>> {
        match self {
            Self::Links(links) => Some(links),
            Self::Process | Self::Host(_) | Self::Application(_) => None,
        }
    }

    pub(super) fn host(&self) -> Option<&Arc<Isolated>> {
        match self {
            Self::Host(host) => Some(host),
            Self::Process | Self::Links(_) | Self::Application(_) => None,
        }
    }

    /// Whether it ends with the process at the latest.
    pub(super) fn is_of_process(&self) -> bool {
        matches!(self, Self::Process | Self::Application(_))
    }
}

/// What is known of a fault when it is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Healed {
    /// What came to it; unknown of faults of processes and hosts.
    pub hit: Option<Hit>,
    /// Whether its target is ready again. A database whose role a service decides on is not the
    /// lab's to bring back: when that service has not, it is as the service wants it.
    pub is_back: bool,
}

impl Healed {
    fn back(hit: Option<Hit>) -> Self {
        Self { hit, is_back: true }
    }
}

impl Instance {
    /// Injects a fault; returns when it is verified to be in effect.
    ///
    /// # Errors
    /// When it cannot be done to this target, or had no effect.
    pub async fn inject(&self, fault: &Fault, hold: Hold) -> Result<Injected, FaultError> {
        if let Some(objection) = fault.parameter_objections().into_iter().next() {
            return Err(objection.into());
        }
        if fault.kind == FaultKind::Isolate {
            return self.isolate(fault).await;
        }
        if fault.kind.is_of_application() {
            return self.distort(fault).await;
        }
        match fault.kind.is_of_network() {
            true => self.break_links(fault, hold).await,
            false => self.break_process(fault, hold).await,
        }
    }

    async fn break_process(&self, fault: &Fault, hold: Hold) -> Result<Injected, FaultError> {
        let (kind, target) = (fault.kind, &fault.target);
        let keeper = self.fault_target(target)?;
        if let Some(why) = fault.objection(&self.parts.system) {
            return Err(FaultError::Impossible { kind, target: target.clone(), why });
        }
        let held = self.held_by(target);
        // Of an isolated one nobody could see whether it took effect; one that breaks itself would
        // forget to.
        let is_in_the_way =
            |held: &FaultKind| *held == FaultKind::Isolate || held.is_of_application();
        if let Some(held) = held.filter(is_in_the_way) {
            return Err(FaultError::AlreadyHeld { target: target.clone(), held });
        }
        let events = &self.parts.events;
        events.send(self.fault_event("injecting", fault));
        let (reply, answer) = oneshot::channel();
        let order = Order::Inject { kind, is_held: hold == Hold::UntilHealed, reply };
        let gone = || FaultError::InstanceGone { target: target.clone() };
        keeper.orders.send(order).await.map_err(|_closed| gone())?;
        let evidence = match answer.await.map_err(|_closed| gone())? {
            Ok(evidence) => evidence,
            Err(error) => return Err(self.tell_not_injected(fault, error)),
        };
        let at_us = self.tell_injected(fault, &evidence);
        self.forget(target);
        self.faults().push(Held { fault: fault.clone(), grip: Grip::Process });
        let guard = Guard::Keeper(keeper.orders.clone());
        Ok(Injected::new(fault.clone(), at_us, evidence, guard))
    }

    /// Tells when the fault was seen to be in effect, and how; answers that time.
    pub(super) fn tell_injected(&self, fault: &Fault, evidence: &Evidence) -> u64 {
        let events = &self.parts.events;
        let mut event = self.fault_event("injected", fault);
        event.at_us = events.clock().at_us(evidence.at);
        let at_us = event.at_us;
        events.send(event.with("evidence", evidence.text.clone()));
        at_us
    }

    /// Tells why there is no fault, and hands the reason on.
    pub(super) fn tell_not_injected(&self, fault: &Fault, error: FaultError) -> FaultError {
        let events = &self.parts.events;
        let event = events.lab("not_injected", &fault.target);
        events.send(event.with("why", error.to_string()));
        error
    }

    pub(super) fn fault_event(&self, event: &str, fault: &Fault) -> Event {
        let event = self.parts.events.lab(event, &fault.target);
        let event = event.with("fault", fault.kind.to_string());
        match fault.parameters() {
            none if none.is_empty() => event,
            parameters => event.with("parameters", parameters),
        }
    }

    pub(super) fn fault_target(&self, target: &str) -> Result<&KeeperHandle, FaultError> {
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
    pub async fn heal(&self, injected: Injected) -> Result<Healed, FaultError> {
        let held = Held { fault: injected.fault.clone(), grip: Grip::of(&injected) };
        let healed = self.heal_held(&held).await;
        injected.disarm();
        healed
    }

    /// Heals every fault that is in effect, whoever injected it.
    ///
    /// # Errors
    /// Those that were not restored; the others are.
    pub async fn heal_all(&self) -> Result<(), Vec<FaultError>> {
        let mut failed = Vec::new();
        for held in self.active() {
            failed.extend(self.heal_held(&held).await.err());
        }
        if failed.is_empty() { Ok(()) } else { Err(failed) }
    }

    /// Heals one fault that was left in effect.
    ///
    /// # Errors
    /// When the target is not ready again in time.
    pub async fn heal_fault(&self, fault: &Fault) -> Result<Healed, FaultError> {
        let held = self.active().into_iter().find(|held| held.fault.is_same(fault));
        match held {
            Some(held) => self.heal_held(&held).await,
            None => Ok(Healed::back(None)),
        }
    }

    async fn heal_held(&self, held: &Held) -> Result<Healed, FaultError> {
        match &held.grip {
            Grip::Process => {
                let is_back = self.heal_process(held).await?;
                return Ok(Healed { hit: None, is_back });
            }
            Grip::Host(isolated) => {
                let joined = self.join(&held.fault, isolated).await;
                self.faults().retain(|held| !held.grip.host().is_some_and(|host| host.is_healed()));
                joined?;
            }
            Grip::Application(distorted) => {
                let hit = self.set_right(&held.fault, distorted).await?;
                self.active();
                return Ok(Healed::back(hit));
            }
            Grip::Links(broken) => {
                let mended = self.mend(&held.fault, broken).await;
                self.faults().retain(|held| !held.grip.links().is_some_and(|b| b.is_mended()));
                return mended.map(|hit| Healed::back(Some(hit)));
            }
        }
        Ok(Healed::back(None))
    }

    /// Answers whether the process is ready again.
    async fn heal_process(&self, held: &Held) -> Result<bool, FaultError> {
        let (kind, target) = (held.fault.kind, &held.fault.target);
        let keeper = self.fault_target(target)?;
        let events = &self.parts.events;
        events.send(self.fault_event("healing", &held.fault));
        let healed = keeper.heal().await;
        self.forget(target);
        let engine = self.parts.system.engines.get(target);
        let manager = engine.and_then(|engine| engine.managed_by.as_ref());
        match (healed, manager) {
            (Ok(()), _) => events.send(self.fault_event("healed", &held.fault)),
            // What held it is gone. When it runs and does not answer, that is another matter.
            (Err(why), Some(manager)) if self.pid(target).is_none() => {
                let event = self.fault_event("left_down", &held.fault);
                events.send(event.with("by", manager.clone()).with("why", why));
                return Ok(false);
            }
            // That it does not come back may be just what its lack of a tactic is to show.
            (Err(why), _) if !self.parts.without.is_empty() => {
                let event = self.fault_event("left_unready", &held.fault);
                events.send(event.with("why", why));
                return Ok(false);
            }
            (Err(why), _) => {
                return Err(FaultError::NotRestored { kind, target: target.clone(), why });
            }
        }
        Ok(true)
    }

    /// Faults that were injected and not healed yet. One that the system heals itself counts until
    /// its target is ready.
    pub fn active_faults(&self) -> Vec<Fault> {
        self.active().into_iter().map(|held| held.fault).collect()
    }

    fn active(&self) -> Vec<Held> {
        let mut faults = self.faults();
        faults.retain(|held| match &held.grip {
            Grip::Links(broken) => !broken.is_mended(),
            Grip::Host(isolated) => !isolated.is_healed(),
            Grip::Application(service) => self.is_distorted(&held.fault.target, service),
            Grip::Process => {
                let keeper = self.parts.keepers.get(&held.fault.target);
                keeper.is_some_and(|keeper| keeper.status.borrow().state != ProcessState::Ready)
            }
        });
        // Hosts and links first: a process may not become ready behind one that is still cut.
        faults.sort_by_key(|held| match held.grip {
            Grip::Host(_) => 0,
            Grip::Links(_) => 1,
            Grip::Process => 2,
            Grip::Application(_) => 3,
        });
        faults.clone()
    }

    /// Forgets the fault of a process; those of its links and its host stay.
    pub(super) fn forget(&self, process: &str) {
        self.faults().retain(|held| !held.grip.is_of_process() || held.fault.target != process);
    }

    pub(super) fn faults(&self) -> MutexGuard<'_, Vec<Held>> {
        self.faults.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
