//! The shedder for tasks: it reads the clock, and a pass that is dropped gives its place back.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::time::Instant;

use super::policy::{Policy, PolicyError};
use super::priority::Priority;
use super::state::{Outcome, Refusal, Shedder, Ticket};

/// A shedder that many tasks share. Clones are the same one.
#[derive(Clone, Debug)]
pub struct Gate(Arc<Mutex<Shedder>>);

impl Gate {
    /// An empty one, that knows nothing.
    ///
    /// # Errors
    /// When a number of `policy` makes no sense.
    pub fn try_new(policy: Policy) -> Result<Self, PolicyError> {
        Ok(Self(Arc::new(Mutex::new(Shedder::try_new(policy)?))))
    }

    /// Asks whether a request may begin now.
    ///
    /// # Errors
    /// When it is refused.
    pub fn enter(&self, priority: Priority) -> Result<Pass, Refusal> {
        let ticket = self.lock().admit(priority, Instant::now())?;
        Ok(Pass { gate: self.clone(), ticket: Some(ticket) })
    }

    /// Looks at the shedder, for figures.
    pub fn look<T>(&self, look: impl FnOnce(&Shedder) -> T) -> T {
        look(&self.lock())
    }

    fn lock(&self) -> MutexGuard<'_, Shedder> {
        // A panic elsewhere cannot leave it half-changed: nothing in it panics.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A request that runs. Dropped without an outcome, it tells nothing of the load.
#[derive(Debug)]
#[must_use = "a pass that is dropped at once gives its place back"]
pub struct Pass {
    gate: Gate,
    ticket: Option<Ticket>,
}

impl Pass {
    /// Says how the request ended.
    pub fn finish(mut self, outcome: Outcome) {
        self.end(outcome);
    }

    fn end(&mut self, outcome: Outcome) {
        if let Some(ticket) = self.ticket.take() {
            self.gate.lock().finish(ticket, outcome, Instant::now());
        }
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        self.end(Outcome::Ignored);
    }
}
