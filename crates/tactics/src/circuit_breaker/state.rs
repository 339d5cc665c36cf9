//! The breaker as a pure state machine: callers pass `now` and a random number, nothing here
//! sleeps.

use tokio::time::Instant;

use super::options::{Abandoned, Judged, Options, Undecided};
use super::outcome::{
    Admission, Cause, Counts, Mode, Outcome, Recent, Rejection, State, Ticket, Transition,
};
use super::policy::{Policy, PolicyError};
use super::trial::{Entry, Proof, Trial};
use super::window::{Sample, Totals, Window};

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
    options: Options,
    mode: Mode,
    state: State,
    /// Grows with every change of state; a result of another generation changes nothing.
    generation: u64,
    window: Window,
    trial: Trial,
    failures_in_a_row: usize,
    abandoned_in_a_row: usize,
    reopens: u32,
    healthy_calls: usize,
    /// When the first result of this closed era came.
    healthy_since: Option<Instant>,
    counts: Counts,
    untold: Option<Transition>,
}

impl CircuitBreaker {
    /// A closed breaker.
    ///
    /// # Errors
    /// When a number of `policy` makes no sense.
    pub fn try_new(policy: Policy) -> Result<Self, PolicyError> {
        Self::try_with(policy, Options::default())
    }

    /// A closed breaker that goes about its policy by `options`.
    ///
    /// # Errors
    /// When a number of `policy` or `options` makes no sense.
    pub fn try_with(policy: Policy, options: Options) -> Result<Self, PolicyError> {
        policy.check()?;
        options.check(&policy)?;
        Ok(Self {
            policy,
            options,
            mode: Mode::Automatic,
            state: State::Closed,
            generation: 0,
            window: Window::new(options.judged, policy.window),
            trial: Trial::new(policy.probes, options.recovery),
            failures_in_a_row: 0,
            abandoned_in_a_row: 0,
            reopens: 0,
            healthy_calls: 0,
            healthy_since: None,
            counts: Counts::default(),
            untold: None,
        })
    }

    /// What it does at present. A break that is over shows as open until the next call.
    pub fn state(&self) -> State {
        self.state
    }

    /// What an operator has imposed.
    pub fn mode(&self) -> Mode {
        self.mode
    }

    /// How many calls there were of each kind.
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// What it judges by at present.
    pub fn recent(&self) -> Recent {
        let Totals { all: results, failed, slow } = self.window.totals();
        Recent { results, failed, slow, failures_in_a_row: self.failures_in_a_row }
    }

    /// Results that came too late to count.
    pub fn late(&self) -> u64 {
        self.counts.late
    }

    /// How many probes are out: never more than the policy's `probes`, or than a ramp's
    /// `in_flight_max`.
    pub fn probes_in_flight(&self) -> usize {
        self.trial.in_flight()
    }

    /// The share of calls that a ramp lets through at present; `None` when there is none.
    pub fn ramp_share(&self) -> Option<f64> {
        if matches!(self.state, State::HalfOpen { .. }) { self.trial.share() } else { None }
    }

    /// A change that time brought about in [`CircuitBreaker::admit`], told once: half-open that
    /// came to no decision.
    pub fn take_untold(&mut self) -> Option<Transition> {
        self.untold.take()
    }

    /// Its generation while every call goes through and is judged: what a ticket of it says.
    pub(super) fn closed_generation(&self) -> Option<u64> {
        let is_closed = self.mode == Mode::Automatic && self.state == State::Closed;
        is_closed.then_some(self.generation)
    }

    /// Imposes `mode` until the next call of this function; automatic starts afresh, closed.
    pub fn impose(&mut self, mode: Mode) {
        self.mode = mode;
        self.reopens = 0;
        self.enter(State::Closed);
    }

    /// Answers for a call that would start at `now`.
    ///
    /// # Errors
    /// When the call is refused.
    pub fn admit(&mut self, now: Instant) -> Admission {
        let admission = match self.mode {
            Mode::ForcedOpen => Err(Rejection { retry_after: self.policy.break_max, cause: None }),
            Mode::Disabled => Ok(self.ticket(now, false)),
            Mode::Automatic => self.admit_by_state(now),
            Mode::MetricsOnly => {
                let would_be = self.admit_by_state(now);
                would_be.or_else(|_| Ok(self.ticket(now, false)))
            }
        };
        self.counts.admitted += u64::from(admission.is_ok());
        self.counts.refused += u64::from(admission.is_err());
        admission
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
            State::HalfOpen { .. } => self.admit_half_open(now),
        }
    }

    fn admit_half_open(&mut self, now: Instant) -> Admission {
        let cause = Some(Cause::ProbesUndecided);
        let last = match self.trial.admit(now) {
            Entry::Probe => return Ok(self.ticket(now, true)),
            Entry::NotItsTurn => {
                return Err(Rejection { retry_after: self.policy.break_base, cause });
            }
            Entry::Full { last } => last,
        };
        // Counted from the last probe and not from the begin of half-open: where calls are rare,
        // the probes that decide may lie further apart than this.
        let wait_left = (last + self.policy.half_open_max).saturating_duration_since(now);
        if !wait_left.is_zero() {
            return Err(Rejection { retry_after: self.policy.break_base.min(wait_left), cause });
        }
        // Probes that never answer must not hold the state.
        self.untold = Some(match self.options.undecided {
            Undecided::Opens => {
                // No jitter is needed, since the breaks before have spread the instances.
                self.open(Cause::ProbesUndecided, now, 0.5);
                Transition::Reopened(Cause::ProbesUndecided)
            }
            Undecided::Closes => {
                self.enter(State::Closed);
                Transition::Closed
            }
        });
        self.admit_by_state(now)
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
            self.counts.late += u64::from(ticket.generation != self.generation);
            return None;
        }
        if ticket.is_probe {
            self.trial.give_back();
        }
        let is_overdue =
            now.saturating_duration_since(ticket.admitted_at) >= self.policy.slow_after;
        let sample = match outcome {
            Outcome::Success => Sample { failed: false, slow: is_overdue },
            Outcome::Slow => Sample { failed: false, slow: true },
            Outcome::Failure => Sample { failed: true, slow: is_overdue },
            Outcome::Ignored => {
                self.counts.ignored += 1;
                return None;
            }
            Outcome::Abandoned => {
                self.counts.abandoned += 1;
                match self.options.abandoned {
                    Abandoned::Ignored => return None,
                    Abandoned::Failure => Sample { failed: true, slow: is_overdue },
                    Abandoned::FailureIfAll => return self.judge_abandoned(now, draw),
                }
            }
        };
        self.abandoned_in_a_row = 0;
        self.counts.failed += u64::from(sample.failed);
        self.counts.succeeded += u64::from(!sample.failed);
        self.counts.slow += u64::from(sample.slow);
        match self.state {
            State::Closed => self.judge_closed(sample, now, draw),
            State::HalfOpen { .. } => self.judge_half_open(sample, now, draw),
            // In metrics-only mode calls run while the breaker would be open: they prove nothing
            // new.
            State::Open { .. } => None,
        }
    }

    fn judge_closed(&mut self, sample: Sample, now: Instant, draw: f64) -> Option<Transition> {
        self.window.record(sample, now);
        self.failures_in_a_row = if sample.failed { self.failures_in_a_row + 1 } else { 0 };
        self.healthy_calls += 1;
        let since = *self.healthy_since.get_or_insert(now);
        let has_been_healthy = match self.options.judged {
            Judged::Calls => self.healthy_calls >= self.policy.window,
            Judged::Time { span } => now.saturating_duration_since(since) >= span,
        };
        if has_been_healthy {
            self.reopens = 0;
        }
        let totals = self.window.totals();
        let cause = if self.failures_in_a_row >= self.policy.failures_in_a_row {
            Cause::FailuresInARow
        } else if totals.all < self.policy.calls_min {
            return None;
        } else {
            self.excess(totals)?
        };
        self.open(cause, now, draw);
        Some(Transition::Opened(cause))
    }

    fn judge_half_open(&mut self, sample: Sample, now: Instant, draw: f64) -> Option<Transition> {
        let Proof::Decides(totals) = self.trial.record(sample) else { return None };
        if let Some(cause) = self.excess(totals) {
            self.open(cause, now, draw);
            return Some(Transition::Reopened(cause));
        }
        if self.trial.rise() {
            return None;
        }
        self.enter(State::Closed);
        Some(Transition::Closed)
    }

    fn judge_abandoned(&mut self, now: Instant, draw: f64) -> Option<Transition> {
        self.abandoned_in_a_row += 1;
        let cause = Cause::AllAbandoned;
        let (is_enough, transition) = match self.state {
            State::Closed => {
                (self.abandoned_in_a_row >= self.policy.calls_min, Transition::Opened(cause))
            }
            State::HalfOpen { .. } => {
                (self.abandoned_in_a_row >= self.policy.probes, Transition::Reopened(cause))
            }
            State::Open { .. } => return None,
        };
        if !is_enough {
            return None;
        }
        self.open(cause, now, draw);
        Some(transition)
    }

    fn excess(&self, totals: Totals) -> Option<Cause> {
        if totals.have_failed(self.policy.failure_rate) {
            Some(Cause::FailureRate)
        } else if totals.were_slow(self.policy.slow_rate) {
            Some(Cause::SlowRate)
        } else {
            None
        }
    }

    fn open(&mut self, cause: Cause, now: Instant, draw: f64) {
        let until = now + self.policy.break_for(self.reopens, draw);
        self.reopens = self.reopens.saturating_add(1);
        self.counts.opened += 1;
        self.enter(State::Open { until, cause });
    }

    fn enter(&mut self, state: State) {
        self.state = state;
        self.generation += 1;
        self.window.clear();
        self.trial = Trial::new(self.policy.probes, self.options.recovery);
        (self.failures_in_a_row, self.abandoned_in_a_row) = (0, 0);
        (self.healthy_calls, self.healthy_since) = (0, None);
    }

    fn ticket(&self, now: Instant, is_probe: bool) -> Ticket {
        Ticket { generation: self.generation, admitted_at: now, is_probe }
    }
}
