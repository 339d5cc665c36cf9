//! A breaker that many tasks share: it reads the clock and draws, and a permit that is dropped
//! counts as abandoned.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tokio::time::Instant;

use super::options::Options;
use super::outcome::{Counts, Mode, Outcome, Recent, Rejection, State, Ticket, Transition};
use super::policy::{Policy, PolicyError};
use super::state::CircuitBreaker;

#[derive(Debug)]
struct Inner {
    breaker: CircuitBreaker,
    rng: StdRng,
    /// Drawn beforehand, and anew only when a break has used it: most calls need none.
    draw: f64,
}

/// What the door says when calls must ask inside.
const ASK: u64 = u64::MAX;

#[derive(Debug)]
struct Shared {
    /// While the breaker is closed, its generation: then a call needs no lock to be let through. A
    /// call that reads it while the breaker opens is one that came just before.
    door: AtomicU64,
    /// Calls that went through the door.
    passed: AtomicU64,
    inner: Mutex<Inner>,
}

/// A breaker for many tasks. Clones are the same breaker.
#[derive(Clone, Debug)]
pub struct SharedBreaker(Arc<Shared>);

impl SharedBreaker {
    /// A closed breaker, whose breaks are jittered from `seed`.
    ///
    /// # Errors
    /// When a number of `policy` makes no sense.
    pub fn try_new(policy: Policy, seed: u64) -> Result<Self, PolicyError> {
        Self::try_with(policy, Options::default(), seed)
    }

    /// A closed breaker that goes about its policy by `options`.
    ///
    /// # Errors
    /// When a number of `policy` or `options` makes no sense.
    pub fn try_with(policy: Policy, options: Options, seed: u64) -> Result<Self, PolicyError> {
        let breaker = CircuitBreaker::try_with(policy, options)?;
        let mut rng = StdRng::seed_from_u64(seed);
        let draw = rng.random();
        let door = AtomicU64::new(breaker.closed_generation().unwrap_or(ASK));
        let inner = Mutex::new(Inner { breaker, rng, draw });
        Ok(Self(Arc::new(Shared { door, passed: AtomicU64::new(0), inner })))
    }

    /// Asks whether a call may start now.
    ///
    /// # Errors
    /// When it may not, and when to ask again.
    pub fn try_acquire(&self) -> Result<Permit, Rejection> {
        let now = Instant::now();
        let generation = self.0.door.load(Ordering::Acquire);
        let ticket = if generation == ASK {
            self.with(|inner| inner.breaker.admit(now))?
        } else {
            self.0.passed.fetch_add(1, Ordering::Relaxed);
            Ticket { generation, admitted_at: now, is_probe: false }
        };
        Ok(Permit { breaker: self.clone(), ticket: Some(ticket) })
    }

    /// What the breaker does at present.
    pub fn state(&self) -> State {
        self.lock().breaker.state()
    }

    /// Whether calls go through without being probes.
    pub fn is_closed(&self) -> bool {
        self.state() == State::Closed
    }

    /// How many calls there were of each kind.
    pub fn counts(&self) -> Counts {
        let mut counts = self.lock().breaker.counts();
        counts.admitted += self.0.passed.load(Ordering::Relaxed);
        counts
    }

    /// What it judges by at present.
    pub fn recent(&self) -> Recent {
        self.lock().breaker.recent()
    }

    /// What an operator has imposed.
    pub fn mode(&self) -> Mode {
        self.lock().breaker.mode()
    }

    /// A change that time brought about, see [`CircuitBreaker::take_untold`].
    pub fn take_untold(&self) -> Option<Transition> {
        self.lock().breaker.take_untold()
    }

    /// Imposes `mode`, see [`CircuitBreaker::impose`].
    pub fn impose(&self, mode: Mode) {
        self.with(|inner| inner.breaker.impose(mode));
    }

    fn with<T>(&self, use_inner: impl FnOnce(&mut Inner) -> T) -> T {
        let mut inner = self.lock();
        let result = use_inner(&mut inner);
        self.set_door(&inner);
        result
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // A panic elsewhere cannot leave the breaker half-changed: nothing in it panics.
        self.0.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes the lock's content, so that the door never says what was true before something else.
    fn set_door(&self, inner: &Inner) {
        let door = inner.breaker.closed_generation().unwrap_or(ASK);
        self.0.door.store(door, Ordering::Release);
    }

    fn finish(&self, ticket: Ticket, outcome: Outcome) -> Option<Transition> {
        // Read before the lock, which others wait for.
        let now = Instant::now();
        let mut inner = self.lock();
        let draw = inner.draw;
        let transition = inner.breaker.finish(ticket, outcome, now, draw);
        // Most results change nothing that others have to know.
        if transition.is_some() {
            inner.draw = inner.rng.random();
            self.set_door(&inner);
        }
        transition
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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn breaker() -> SharedBreaker {
        let policy = Policy { failures_in_a_row: 2, ..Policy::default() };
        SharedBreaker::try_new(policy, 1).unwrap()
    }

    fn fail(breaker: &SharedBreaker) -> Option<Transition> {
        breaker.try_acquire().unwrap().finish(Outcome::Failure)
    }

    #[tokio::test(start_paused = true)]
    async fn the_door_is_shut_as_long_as_the_breaker_is_not_closed() {
        let breaker = breaker();
        let early = breaker.try_acquire().unwrap();
        assert_eq!(fail(&breaker), None);
        assert!(matches!(fail(&breaker), Some(Transition::Opened(_))));
        let refused = breaker.try_acquire().unwrap_err();
        assert_eq!(early.finish(Outcome::Success), None, "it is of before the break");
        tokio::time::advance(refused.retry_after).await;
        let probes = [breaker.try_acquire().unwrap(), breaker.try_acquire().unwrap()];
        assert!(breaker.try_acquire().is_err(), "two probes are enough");
        let ends = probes.map(|probe| probe.finish(Outcome::Success));
        assert_eq!(ends, [None, Some(Transition::Closed)]);
        drop(breaker.try_acquire().unwrap());
        let counts = breaker.counts();
        assert_eq!((counts.admitted, counts.refused, counts.late), (6, 2, 1));
    }

    #[test]
    fn what_is_imposed_shuts_and_opens_the_door() {
        let breaker = breaker();
        breaker.impose(Mode::ForcedOpen);
        assert!(breaker.try_acquire().is_err());
        breaker.impose(Mode::MetricsOnly);
        assert_eq!(fail(&breaker), None);
        assert!(matches!(fail(&breaker), Some(Transition::Opened(_))));
        assert!(breaker.try_acquire().is_ok(), "it only tells");
        breaker.impose(Mode::Automatic);
        assert!(breaker.try_acquire().is_ok());
    }

    #[test]
    fn every_call_is_in_the_counts_whoever_makes_it() {
        const CALLS: u64 = 5_000;
        let millisecond = Duration::from_millis(1);
        let policy =
            Policy { break_base: millisecond, break_max: millisecond, ..Policy::default() };
        let breaker = SharedBreaker::try_new(policy, 1).unwrap();
        let call = |number: u64| {
            let Ok(permit) = breaker.try_acquire() else { return };
            // More than the half that opens it, however the threads take turns.
            permit.finish(if number % 5 < 3 { Outcome::Failure } else { Outcome::Success });
        };
        std::thread::scope(|scope| {
            (0..4).for_each(|_| drop(scope.spawn(|| (0..CALLS).for_each(call))));
        });
        let counts = breaker.counts();
        assert_eq!(counts.admitted + counts.refused, 4 * CALLS);
        assert_eq!(counts.admitted, counts.succeeded + counts.failed + counts.late);
        assert!(counts.opened > 0 && counts.refused > 0, "{counts:?}");
    }
}
