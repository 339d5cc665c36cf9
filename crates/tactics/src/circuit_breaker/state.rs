//! The breaker as a pure state machine: callers pass `now` and a random number, nothing here
//! sleeps.

use std::time::Duration;

use tokio::time::Instant;

use super::policy::{Policy, PolicyError};
use super::window::{Sample, Window};

/// How a call ended, as far as the dependency's health is concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The dependency answered. Whether that was slow follows from the time.
    Success,
    /// The dependency failed or did not answer in time.
    Failure,
    /// The result says nothing about the dependency, such as a caller's mistake.
    Ignored,
    /// Nobody waited for the result.
    Abandoned,
}

/// Why the breaker opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// Too many failures in a row.
    FailuresInARow,
    /// Too large a share of failures.
    FailureRate,
    /// Too large a share of slow calls.
    SlowRate,
    /// Half-open came to no decision in time.
    ProbesUndecided,
}

/// What the breaker does at present.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Calls go through and are judged.
    Closed,
    /// Calls are refused until then.
    Open {
        /// End of the break.
        until: Instant,
        /// What opened it.
        cause: Cause,
    },
    /// Probes go through and decide.
    HalfOpen {
        /// When probing began.
        since: Instant,
    },
}

/// What an operator may impose.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// The breaker decides.
    #[default]
    Automatic,
    /// Every call goes through and nothing is judged.
    Disabled,
    /// Every call goes through; states change as if the breaker decided.
    MetricsOnly,
    /// Every call is refused.
    ForcedOpen,
}

/// A call that may start. It must come back by [`CircuitBreaker::finish`].
#[derive(Debug, PartialEq, Eq)]
#[must_use = "a ticket that is lost holds a probe's permit until half-open ends"]
pub struct Ticket {
    generation: u64,
    admitted_at: Instant,
    is_probe: bool,
}

/// A call that may not start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("circuit open, retry in {retry_after:?}")]
pub struct Rejection {
    /// When it is worth asking again.
    pub retry_after: Duration,
    /// What opened the breaker; absent when an operator did.
    pub cause: Option<Cause>,
}

/// The answer to a call that wants to start.
pub type Admission = Result<Ticket, Rejection>;

/// A change that a result brought about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transition {
    /// The dependency was found bad.
    Opened(Cause),
    /// A probe failed: still bad.
    Reopened(Cause),
    /// The dependency is used again.
    Closed,
}

/// The breaker of one dependency.
///
/// ```
/// use standfast_tactics::circuit_breaker::{CircuitBreaker, Outcome, Policy, Transition};
/// use tokio::time::Instant;
///
/// let policy = Policy { failures_in_a_row: 2, ..Policy::default() };
/// let mut breaker = CircuitBreaker::try_new(policy)?;
/// let now = Instant::now();
/// for _ in 0..2 {
///     let ticket = breaker.admit(now).expect("closed");
///     breaker.finish(ticket, Outcome::Failure, now, 0.5);
/// }
/// let refused = breaker.admit(now).expect_err("open");
/// assert!(breaker.admit(now + refused.retry_after).is_ok(), "a probe");
/// # Ok::<(), standfast_tactics::circuit_breaker::PolicyError>(())
/// ```
#[derive(Clone, Debug)]
pub struct CircuitBreaker {
    policy: Policy,
    mode: Mode,
    state: State,
    /// Grows with every change of state; a result of another generation changes nothing.
    generation: u64,
    window: Window,
    failures_in_a_row: usize,
    probes_in_flight: usize,
    last_probe_at: Option<Instant>,
    reopens: u32,
    healthy_calls: usize,
    late: u64,
}

impl CircuitBreaker {
    /// A closed breaker.
    ///
    /// # Errors
    /// When a number of `policy` makes no sense.
    pub fn try_new(policy: Policy) -> Result<Self, PolicyError> {
        policy.check()?;
        Ok(Self {
            policy,
            mode: Mode::Automatic,
            state: State::Closed,
            generation: 0,
            window: Window::new(policy.window),
            failures_in_a_row: 0,
            probes_in_flight: 0,
            last_probe_at: None,
            reopens: 0,
            healthy_calls: 0,
            late: 0,
        })
    }

    /// What it does at present. A break that is over shows as open until the next call.
    pub fn state(&self) -> State {
        self.state
    }

    /// Results that came too late to count.
    pub fn late(&self) -> u64 {
        self.late
    }

    /// How many probes are out. Never more than the policy's `probes`.
    pub fn probes_in_flight(&self) -> usize {
        self.probes_in_flight
    }

    /// Imposes `mode` until the next call of this function; automatic starts afresh, closed.
    pub fn impose(&mut self, mode: Mode) {
        self.mode = mode;
        self.enter(State::Closed);
    }

    /// Answers for a call that would start at `now`.
    ///
    /// # Errors
    /// When the call is refused.
    pub fn admit(&mut self, now: Instant) -> Admission {
        match self.mode {
            Mode::ForcedOpen => {
                return Err(Rejection { retry_after: self.policy.break_max, cause: None });
            }
            Mode::Disabled => return Ok(self.ticket(now, false)),
            Mode::Automatic | Mode::MetricsOnly => {}
        }
        let admission = self.admit_by_state(now);
        match admission {
            Err(_) if self.mode == Mode::MetricsOnly => Ok(self.ticket(now, false)),
            Ok(_) | Err(_) => admission,
        }
    }

    fn admit_by_state(&mut self, now: Instant) -> Admission {
        if let State::Open { until, .. } = self.state
            && now >= until
        {
            self.enter(State::HalfOpen { since: now });
        }
        match self.state {
            State::Closed => Ok(self.ticket(now, false)),
            State::Open { until, cause } => Err(Rejection {
                retry_after: until.saturating_duration_since(now),
                cause: Some(cause),
            }),
            State::HalfOpen { .. } => {
                if self.window.len() + self.probes_in_flight < self.policy.probes {
                    self.probes_in_flight += 1;
                    self.last_probe_at = Some(now);
                    return Ok(self.ticket(now, true));
                }
                // Counted from the last probe and not from the begin of half-open: where calls are
                // rare, the probes that decide may lie further apart than this.
                let last = self.last_probe_at.unwrap_or(now);
                let wait_left = (last + self.policy.half_open_max).saturating_duration_since(now);
                if wait_left.is_zero() {
                    // Probes that never answer must not hold the state. No jitter is needed, since
                    // the breaks before have spread the instances.
                    self.open(Cause::ProbesUndecided, now, 0.5);
                    return self.admit_by_state(now);
                }
                let retry_after = self.policy.break_base.min(wait_left);
                Err(Rejection { retry_after, cause: Some(Cause::ProbesUndecided) })
            }
        }
    }

    /// Takes the result of a call. `draw` is a random number from 0 to 1 for the length of a break.
    pub fn finish(
        &mut self,
        ticket: Ticket,
        outcome: Outcome,
        now: Instant,
        draw: f64,
    ) -> Option<Transition> {
        if ticket.generation != self.generation || self.mode == Mode::Disabled {
            self.late += u64::from(ticket.generation != self.generation);
            return None;
        }
        if ticket.is_probe {
            self.probes_in_flight -= 1;
        }
        let failed = match outcome {
            Outcome::Success => false,
            Outcome::Failure => true,
            Outcome::Ignored | Outcome::Abandoned => return None,
        };
        let slow = now.saturating_duration_since(ticket.admitted_at) >= self.policy.slow_after;
        self.window.record(Sample { failed, slow });
        match self.state {
            State::Closed => self.judge_closed(failed, now, draw),
            State::HalfOpen { .. } => self.judge_half_open(now, draw),
            // In metrics-only mode calls run while the breaker would be open: they prove nothing
            // new.
            State::Open { .. } => None,
        }
    }

    fn judge_closed(&mut self, failed: bool, now: Instant, draw: f64) -> Option<Transition> {
        self.failures_in_a_row = if failed { self.failures_in_a_row + 1 } else { 0 };
        self.healthy_calls += 1;
        if self.healthy_calls >= self.policy.window {
            self.reopens = 0;
        }
        let cause = if self.failures_in_a_row >= self.policy.failures_in_a_row {
            Cause::FailuresInARow
        } else if self.window.len() < self.policy.calls_min {
            return None;
        } else {
            self.excess()?
        };
        self.open(cause, now, draw);
        Some(Transition::Opened(cause))
    }

    fn judge_half_open(&mut self, now: Instant, draw: f64) -> Option<Transition> {
        if self.window.len() < self.policy.probes {
            return None;
        }
        if let Some(cause) = self.excess() {
            self.open(cause, now, draw);
            Some(Transition::Reopened(cause))
        } else {
            self.enter(State::Closed);
            Some(Transition::Closed)
        }
    }

    fn excess(&self) -> Option<Cause> {
        if self.window.failure_rate() >= self.policy.failure_rate {
            Some(Cause::FailureRate)
        } else if self.window.slow_rate() >= self.policy.slow_rate {
            Some(Cause::SlowRate)
        } else {
            None
        }
    }

    fn open(&mut self, cause: Cause, now: Instant, draw: f64) {
        let until = now + self.policy.break_for(self.reopens, draw);
        self.reopens = self.reopens.saturating_add(1);
        self.enter(State::Open { until, cause });
    }

    fn enter(&mut self, state: State) {
        self.state = state;
        self.generation += 1;
        self.window.clear();
        self.last_probe_at = None;
        (self.failures_in_a_row, self.probes_in_flight, self.healthy_calls) = (0, 0, 0);
    }

    fn ticket(&self, now: Instant, is_probe: bool) -> Ticket {
        Ticket { generation: self.generation, admitted_at: now, is_probe }
    }
}
