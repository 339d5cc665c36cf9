//! The breaker of `standfast-tactics`, as the pure state machine that it is.

use std::time::Duration;

use standfast_tactics::circuit_breaker::{
    Abandoned, CircuitBreaker, Judged, Options, Outcome, Policy, Ticket,
};
use tokio::time::Instant;

use super::{Breaker, CallId, Ending, Setup, Window};

const UNIT: Duration = Duration::from_secs(1);

pub(crate) struct Ours {
    breaker: CircuitBreaker,
    now: Instant,
    calls: Vec<Option<Ticket>>,
}

impl Ours {
    pub(crate) fn new(setup: Setup) -> Self {
        let window = match setup.window {
            Window::Calls(window) => window as usize,
            Window::Time => setup.calls_min as usize,
        };
        let judged = match setup.window {
            Window::Calls(_) => Judged::Calls,
            Window::Time => Judged::Time { span: UNIT },
        };
        let policy = Policy {
            window,
            calls_min: setup.calls_min as usize,
            // Only rates are compared, since the others have nothing else.
            failures_in_a_row: usize::MAX,
            slow_after: if setup.judges_slowness { UNIT / 2 } else { UNIT * 3600 },
            slow_rate: 0.5,
            break_base: UNIT,
            break_jitter: 0.0,
            probes: setup.probes as usize,
            half_open_max: UNIT * 2,
            ..Policy::default()
        };
        let options = Options { judged, abandoned: Abandoned::FailureIfAll, ..Options::default() };
        let breaker = CircuitBreaker::try_with(policy, options).expect("the numbers make sense");
        Self { breaker, now: Instant::now(), calls: Vec::new() }
    }

    fn finish(&mut self, call: CallId, outcome: Outcome) {
        let ticket = self.calls[call.0].take().expect("a call ends once");
        self.breaker.finish(ticket, outcome, self.now, 0.5);
    }
}

impl Breaker for Ours {
    fn start(&mut self) -> Option<CallId> {
        let ticket = self.breaker.admit(self.now).ok()?;
        self.calls.push(Some(ticket));
        Some(CallId(self.calls.len() - 1))
    }

    fn end(&mut self, call: CallId, ending: Ending) {
        self.finish(
            call,
            match ending {
                Ending::Success => Outcome::Success,
                Ending::Failure => Outcome::Failure,
                Ending::Mistake => Outcome::Ignored,
            },
        );
    }

    fn abandon(&mut self, call: CallId) {
        self.finish(call, Outcome::Abandoned);
    }

    fn pass(&mut self, units: f64) {
        self.now += UNIT.mul_f64(units);
    }
}
