//! The breaker of one upstream, which says in events what it does: the lab measures by them how
//! soon it opens and closes.

use std::sync::atomic::{AtomicU8, Ordering};

use serde_json::json;
use standfast_tactics::circuit_breaker::{
    Cause, Mode, Options, Outcome, Permit, Policy, PolicyError, Ramp, Recovery, Rejection,
    SharedBreaker, State, Transition,
};

use tokio::time::Instant;

use crate::service::events;

const CLOSED: u8 = 0;
const OPEN: u8 = 1;
const HALF_OPEN: u8 = 2;

/// A breaker with its name.
#[derive(Debug)]
pub(in super::super) struct Circuit {
    name: String,
    breaker: SharedBreaker,
    /// The state that was told last.
    told: AtomicU8,
}

impl Circuit {
    pub(super) fn try_new(name: &str, policy: Policy, seed: u64) -> Result<Self, PolicyError> {
        // At fifty requests a second the ramp takes half a second, and a flood is not let in at
        // once: the first stages prove that the upstream answers, the last that it bears the rest.
        let ramp = Ramp { shares: [0.25, 0.5, 1.0, 1.0], results: 3, in_flight_max: 32 };
        let options = Options { recovery: Recovery::Ramp(ramp), ..Options::default() };
        let breaker = SharedBreaker::try_with(policy, options, seed)?;
        Ok(Self { name: name.to_owned(), breaker, told: AtomicU8::new(CLOSED) })
    }

    /// Refuses while it is plainly open, without taking anything.
    pub(super) fn look(&self) -> Result<(), Rejection> {
        if self.told.load(Ordering::Relaxed) != OPEN {
            return Ok(());
        }
        let State::Open { until, cause } = self.breaker.state() else { return Ok(()) };
        let retry_after = until.saturating_duration_since(Instant::now());
        match retry_after.is_zero() {
            true => Ok(()),
            false => Err(Rejection { retry_after, cause: Some(cause) }),
        }
    }

    pub(super) fn try_acquire(&self) -> Result<Permit, Rejection> {
        let permit = self.breaker.try_acquire();
        match &permit {
            Err(_) => {
                if let Some(transition) = self.breaker.take_untold() {
                    self.tell(transition);
                }
            }
            Ok(_) if self.told.load(Ordering::Relaxed) == OPEN => self.tell_probing(),
            Ok(_) => {}
        }
        permit
    }

    pub(super) fn finish(&self, permit: Permit, outcome: Outcome) {
        if let Some(transition) = permit.finish(outcome) {
            self.tell(transition);
        }
    }

    pub(in super::super) fn breaker(&self) -> &SharedBreaker {
        &self.breaker
    }

    /// What an operator wants of it.
    pub(in super::super) fn impose(&self, mode: Mode) {
        self.breaker.impose(mode);
        let (state, told) = match mode {
            Mode::ForcedOpen => ("forced-open", OPEN),
            Mode::Disabled => ("forced-closed", CLOSED),
            Mode::MetricsOnly => ("metrics-only", CLOSED),
            Mode::Automatic => ("closed", CLOSED),
        };
        self.told.store(told, Ordering::Relaxed);
        events::report("state", &self.name, json!({ "by": "operator", "state": state }));
    }

    fn tell(&self, transition: Transition) {
        match transition {
            Transition::Opened(cause) => {
                self.tell_open(cause);
                let fields = json!({ "by": "breaker", "cause": name(cause) });
                events::report("detected", &self.name, fields);
            }
            Transition::Reopened(cause) => self.tell_open(cause),
            Transition::Closed => {
                self.told.store(CLOSED, Ordering::Relaxed);
                events::report("state", &self.name, json!({ "by": "breaker", "state": "closed" }));
                events::report("recovered", &self.name, json!({ "by": "breaker" }));
            }
        }
    }

    fn tell_open(&self, cause: Cause) {
        self.told.store(OPEN, Ordering::Relaxed);
        let fields = json!({ "by": "breaker", "state": "open", "cause": name(cause) });
        events::report("state", &self.name, fields);
    }

    fn tell_probing(&self) {
        if matches!(self.breaker.state(), State::HalfOpen { .. }) {
            self.told.store(HALF_OPEN, Ordering::Relaxed);
            events::report("state", &self.name, json!({ "by": "breaker", "state": "half-open" }));
        }
    }
}

/// A cause as events and the admin page say it.
pub(in super::super) fn name(cause: Cause) -> &'static str {
    match cause {
        Cause::FailuresInARow => "failures-in-a-row",
        Cause::FailureRate => "failure-rate",
        Cause::SlowRate => "slow-rate",
        Cause::AllAbandoned => "all-abandoned",
        Cause::ProbesUndecided => "probes-undecided",
    }
}

#[cfg(test)]
mod tests;
