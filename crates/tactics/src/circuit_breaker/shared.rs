//! A breaker that many tasks share: it reads the clock and draws, and a permit that is dropped
//! counts as abandoned.

use std::sync::{Arc, Mutex, PoisonError};

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tokio::time::Instant;

use super::policy::{Policy, PolicyError};
use super::state::{CircuitBreaker, Mode, Outcome, Rejection, State, Ticket, Transition};

#[derive(Debug)]
struct Inner {
    breaker: CircuitBreaker,
    rng: StdRng,
}

/// A breaker for many tasks. Clones are the same breaker.
#[derive(Clone, Debug)]
pub struct SharedBreaker(Arc<Mutex<Inner>>);

impl SharedBreaker {
    /// A closed breaker, whose breaks are jittered from `seed`.
    ///
    /// # Errors
    /// When a number of `policy` makes no sense.
    pub fn try_new(policy: Policy, seed: u64) -> Result<Self, PolicyError> {
        let breaker = CircuitBreaker::try_new(policy)?;
        let rng = StdRng::seed_from_u64(seed);
        Ok(Self(Arc::new(Mutex::new(Inner { breaker, rng }))))
    }

    /// Asks whether a call may start now.
    ///
    /// # Errors
    /// When it may not, and when to ask again.
    pub fn try_acquire(&self) -> Result<Permit, Rejection> {
        let ticket = self.with(|inner| inner.breaker.admit(Instant::now()))?;
        Ok(Permit { breaker: self.clone(), ticket: Some(ticket) })
    }

    /// What the breaker does at present.
    pub fn state(&self) -> State {
        self.with(|inner| inner.breaker.state())
    }

    /// Whether calls go through without being probes.
    pub fn is_closed(&self) -> bool {
        self.state() == State::Closed
    }

    /// Imposes `mode`, see [`CircuitBreaker::impose`].
    pub fn impose(&self, mode: Mode) {
        self.with(|inner| inner.breaker.impose(mode));
    }

    fn with<T>(&self, use_inner: impl FnOnce(&mut Inner) -> T) -> T {
        // A panic elsewhere cannot leave the breaker half-changed: nothing in it panics.
        use_inner(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn finish(&self, ticket: Ticket, outcome: Outcome) -> Option<Transition> {
        self.with(|inner| {
            let draw = inner.rng.random();
            inner.breaker.finish(ticket, outcome, Instant::now(), draw)
        })
    }
}

/// A call that may run. Dropped without a result, it counts as abandoned.
#[derive(Debug)]
#[must_use = "a permit that is dropped at once counts as abandoned"]
pub struct Permit {
    breaker: SharedBreaker,
    ticket: Option<Ticket>,
}

impl Permit {
    /// Reports how the call ended.
    pub fn finish(mut self, outcome: Outcome) -> Option<Transition> {
        let ticket = self.ticket.take()?;
        self.breaker.finish(ticket, outcome)
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        if let Some(ticket) = self.ticket.take() {
            self.breaker.finish(ticket, Outcome::Abandoned);
        }
    }
}
