//! Something that the service depends on, and may have to do without: its breaker, and the events
//! that tell when it was found bad and when it is used again.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::json;
use standfast_tactics::circuit_breaker::{
    Mode, Outcome, Permit, Policy, Rejection, SharedBreaker, State, Transition,
};

use crate::service::events;

/// The dependencies answer within milliseconds, and someone always probes: so breaks can be short,
/// and what is back is used again within a second.
const BREAKER: Policy = Policy {
    window: 40,
    calls_min: 20,
    failure_rate: 0.5,
    failures_in_a_row: 5,
    // The calls' own deadlines tell a hung dependency; a slow search is not a sick database.
    slow_after: Duration::from_secs(1),
    slow_rate: 1.0,
    break_base: Duration::from_millis(100),
    break_max: Duration::from_millis(400),
    break_growth: 1.5,
    break_jitter: 0.2,
    probes: 2,
    half_open_max: Duration::from_secs(1),
};

/// How it is guarded.
#[derive(Clone, Copy, Debug)]
pub(crate) struct DependencyOptions {
    /// Whether an open breaker stops calls; one that does not still tells what it finds.
    pub(crate) is_enforced: bool,
    /// Of the jitter of its breaks.
    pub(crate) seed: u64,
}

/// A server, by its name and its breaker.
#[derive(Debug)]
pub(crate) struct Dependency {
    /// As in `system.toml`, since events name it.
    pub(crate) name: &'static str,
    breaker: SharedBreaker,
    is_enforced: bool,
    was_looked_at: AtomicBool,
}

impl Dependency {
    pub(crate) fn new(name: &'static str, options: DependencyOptions) -> Self {
        let DependencyOptions { is_enforced, seed } = options;
        let breaker = SharedBreaker::try_new(BREAKER, seed).expect("the policy is a constant");
        if !is_enforced {
            // It still tells what it finds, or the control arm would have no time to detection.
            breaker.impose(Mode::MetricsOnly);
        }
        Self { name, breaker, is_enforced, was_looked_at: AtomicBool::new(false) }
    }

    /// A call on behalf of a request. Only a closed breaker lets it through: probing is the watch's
    /// work, so that no client waits for a dependency that may still hang.
    pub(crate) fn begin(&self) -> Result<Permit, Rejection> {
        if self.is_usable() {
            self.breaker.try_acquire()
        } else {
            Err(Rejection { retry_after: BREAKER.break_max, cause: None })
        }
    }

    /// A call of the watch: a probe, unless the breaker is closed.
    pub(crate) fn probe(&self) -> Result<Permit, Rejection> {
        self.breaker.try_acquire()
    }

    /// Whether requests may call it.
    pub(crate) fn is_usable(&self) -> bool {
        !self.is_enforced || self.breaker.is_closed()
    }

    pub(crate) fn state(&self) -> State {
        self.breaker.state()
    }

    /// Whether the watch has looked at it since the start.
    pub(crate) fn was_looked_at(&self) -> bool {
        self.was_looked_at.load(Ordering::Relaxed)
    }

    pub(crate) fn looked_at(&self) {
        self.was_looked_at.store(true, Ordering::Relaxed);
    }

    /// Takes the outcome of a call, and reports what it changes.
    pub(crate) fn finish(&self, permit: Permit, outcome: Outcome) -> Option<Transition> {
        let transition = permit.finish(outcome);
        match transition {
            Some(Transition::Opened(cause)) => {
                let cause = format!("{cause:?}");
                tracing::warn!(dependency = self.name, cause, "circuit opened");
                let fields = json!({ "by": "circuit-breaker", "cause": cause });
                events::report("detected", self.name, fields);
            }
            Some(Transition::Closed) => {
                tracing::info!(dependency = self.name, "circuit closed");
                events::report("recovered", self.name, json!({}));
            }
            Some(Transition::Reopened(_)) | None => {}
        }
        transition
    }
}
