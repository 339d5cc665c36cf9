//! A fault that is in effect. Whoever holds it must heal it; dropped, it asks for that itself.

use std::sync::Arc;

use tokio::sync::{mpsc, oneshot};

use super::application::Distorted;
use super::effect::Evidence;
use super::isolate::Isolated;
use super::kind::Fault;
use super::links::BrokenLinks;
use crate::instance::Order;

/// Whether a process that was killed stays away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hold {
    /// Until the fault is healed.
    UntilHealed,
    /// Only what the fault itself does: the supervisor brings the process back. Stop and pause
    /// last all the same.
    No,
}

/// A fault in effect.
#[derive(Debug)]
#[must_use = "a fault that nobody heals is healed at once"]
pub struct Injected {
    pub fault: Fault,
    /// Microseconds since the start of the run, when it was seen to be in effect.
    pub at_us: u64,
    pub evidence: Evidence,
    guard: Option<Guard>,
}

/// Who heals a fault that is dropped.
#[derive(Clone, Debug)]
pub(crate) enum Guard {
    /// The keeper of its process, soon.
    Keeper(mpsc::Sender<Order>),
    /// The links themselves, at once.
    Links(Arc<BrokenLinks>),
    /// A task that joins the host again, soon.
    Host(Arc<Isolated>),
    /// A task that tells the service to stop it, soon.
    Application(Arc<Distorted>),
}

impl Injected {
    pub(crate) fn new(fault: Fault, at_us: u64, evidence: Evidence, guard: Guard) -> Self {
        Self { fault, at_us, evidence, guard: Some(guard) }
    }

    /// Leaves the fault in effect until somebody heals all, as `standfast fault` does.
    pub fn leave(mut self) {
        self.guard = None;
    }

    pub(crate) fn disarm(mut self) {
        self.guard = None;
    }

    pub(crate) fn guard(&self) -> Option<&Guard> {
        self.guard.as_ref()
    }
}

impl Drop for Injected {
    fn drop(&mut self) {
        let keeper = match self.guard.take() {
            Some(Guard::Keeper(keeper)) => keeper,
            Some(Guard::Links(links)) => {
                links.mend();
                return;
            }
            Some(Guard::Host(isolated)) => return isolated.join_soon(),
            Some(Guard::Application(distorted)) => return distorted.heal_soon(),
            None => return,
        };
        let (reply, _nobody_waits) = oneshot::channel();
        // A full queue has room again soon, but a drop cannot wait for it.
        if let Err(mpsc::error::TrySendError::Full(order)) = keeper.try_send(Order::Heal(reply)) {
            tracing::warn!(fault = %self.fault, "healed by a task of its own");
            if let Ok(runtime) = tokio::runtime::Handle::try_current() {
                drop(runtime.spawn(async move { keeper.send(order).await }));
            }
        }
    }
}
