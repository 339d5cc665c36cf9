//! When a second call is sent, as a pure decision.

use std::time::Duration;

use tokio::time::Instant;

use super::latencies::Latencies;
use crate::deadline::Deadline;
use crate::retry::Budget;

/// The numbers of a hedge; any value is valid.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Policy {
    /// A call that takes longer than this share of calls is hedged: what is above it is also the
    /// additional load.
    pub quantile: f64,
    /// With fewer calls known than this, nobody knows what is long.
    pub calls_min: u32,
    /// None is sent sooner: where all are quick, the tail is the scheduler's.
    pub delay_min: Duration,
    /// The first call included. Two is nearly always enough.
    pub calls_max: u32,
}

impl Default for Policy {
    fn default() -> Self {
        Self { quantile: 0.95, calls_min: 20, delay_min: Duration::from_millis(1), calls_max: 2 }
    }
}

/// What to do when a call has taken long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Send another one, to another replica.
    Send,
    /// Come back then: it is not due yet.
    Wait(Instant),
    /// Go on waiting for what is in flight, and ask no more.
    Never(Why),
}

/// Why there is no hedge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// Too few calls were seen.
    TooLittleKnown,
    /// As many are in flight as may be.
    CallsMax,
    /// It would come back too late.
    Deadline,
    /// Too many calls are hedged or retried already.
    Budget,
}

/// The calls that are made for one answer.
#[derive(Clone, Debug)]
pub struct Hedge {
    policy: Policy,
    last_sent: Instant,
    deadline: Deadline,
    calls: u32,
}

impl Hedge {
    /// An answer for which the first call was sent at `sent`.
    pub fn new(policy: Policy, sent: Instant, deadline: Deadline) -> Self {
        Self { policy, last_sent: sent, deadline, calls: 1 }
    }

    /// How many calls were sent.
    pub fn calls(&self) -> u32 {
        self.calls
    }

    /// When the next call is due; `None` if there is none.
    pub fn due(&self, usual: &Latencies) -> Option<Instant> {
        self.next(usual).ok()
    }

    /// Decides at `now`. The budget is asked last: what is not sent for another reason costs
    /// nothing.
    pub fn decide(&mut self, usual: &Latencies, budget: &mut Budget, now: Instant) -> Verdict {
        let due = match self.next(usual) {
            Ok(due) => due,
            Err(why) => return Verdict::Never(why),
        };
        if now < due {
            return Verdict::Wait(due);
        }
        // Half of all calls come back within this; with less time left it would be in vain mostly.
        let median = usual.quantile(0.5).unwrap_or_default();
        if self.deadline.remaining(now) < median.max(Duration::from_nanos(1)) {
            return Verdict::Never(Why::Deadline);
        }
        if !budget.spend(now) {
            return Verdict::Never(Why::Budget);
        }
        self.calls += 1;
        self.last_sent = now;
        Verdict::Send
    }

    fn next(&self, usual: &Latencies) -> Result<Instant, Why> {
        if self.calls >= self.policy.calls_max {
            return Err(Why::CallsMax);
        }
        if usual.calls() < self.policy.calls_min {
            return Err(Why::TooLittleKnown);
        }
        let quantile = usual.quantile(self.policy.quantile).ok_or(Why::TooLittleKnown)?;
        let due = self.last_sent + quantile.max(self.policy.delay_min);
        if due >= self.deadline.instant() { Err(Why::Deadline) } else { Ok(due) }
    }
}
