//! A fault that is in effect. Whoever holds it must heal it; dropped, it asks for that itself.

use tokio::sync::{mpsc, oneshot};

use super::effect::Evidence;
use super::kind::{Fault, FaultKind};
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
    keeper: Option<mpsc::Sender<Order>>,
}

impl Injected {
    pub(crate) fn new(
        fault: Fault,
        at_us: u64,
        evidence: Evidence,
        keeper: mpsc::Sender<Order>,
    ) -> Self {
        Self { fault, at_us, evidence, keeper: Some(keeper) }
    }

    /// Leaves the fault in effect until somebody heals all, as `standfast fault` does.
    pub fn leave(mut self) {
        self.keeper = None;
    }

    pub(crate) fn disarm(mut self) -> FaultKind {
        self.keeper = None;
        self.fault.kind
    }
}

impl Drop for Injected {
    fn drop(&mut self) {
        let Some(keeper) = self.keeper.take() else { return };
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
