//! Choices beside the numbers of a policy. The default of each suits most.

use std::time::Duration;

use super::policy::{Policy, PolicyError, refuse};

/// How a breaker goes about its policy.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Options {
    /// Which calls are judged while it is closed.
    pub judged: Judged,
    /// How it finds out that the dependency is back.
    pub recovery: Recovery,
    /// Where half-open leads when it comes to no decision.
    pub undecided: Undecided,
    /// What a call tells that nobody waited for.
    pub abandoned: Abandoned,
}

/// Which calls are judged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Judged {
    /// The last calls, as many as the policy's `window` says.
    #[default]
    Calls,
    /// The calls of the last while, in ten buckets. For traffic that varies: a hundred calls may
    /// be a second or an hour.
    Time {
        /// How far back.
        span: Duration,
    },
}

/// How half-open admits calls.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Recovery {
    /// As many probes as the policy says; they decide.
    #[default]
    Probes,
    /// More and more of the traffic. For so much of it that two probes prove nothing about the
    /// flood that follows.
    Ramp(Ramp),
}

/// The stages of a ramp.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ramp {
    /// The share of calls that each stage admits, rising.
    pub shares: [f64; 4],
    /// How many results decide each stage.
    pub results: usize,
    /// How many admitted calls may be out at once.
    pub in_flight_max: usize,
}

impl Default for Ramp {
    fn default() -> Self {
        Self { shares: [0.01, 0.05, 0.25, 1.0], results: 20, in_flight_max: 100 }
    }
}

/// Where half-open leads when its probes do not come back in time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Undecided {
    /// Another break: who does not answer is not well.
    #[default]
    Opens,
    /// Normal use: where a lost answer says more of the caller than of the dependency.
    Closes,
}

/// What a call tells that nobody waited for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Abandoned {
    /// Nothing: callers leave for reasons of their own.
    #[default]
    Ignored,
    /// That the dependency failed: callers leave because it is slow.
    Failure,
    /// Nothing, unless *all* leave: as many in a row as results decide, without one that stayed. A
    /// dependency that hangs is found though no call has a timeout.
    FailureIfAll,
}

impl Options {
    pub(super) fn check(&self, policy: &Policy) -> Result<(), PolicyError> {
        match self.judged {
            Judged::Calls if policy.calls_min > policy.window => {
                return refuse("calls_min", "must be from 1 to the size of the window");
            }
            Judged::Time { span } if span < Duration::from_millis(10) => {
                return refuse("span", "must be at least 10 ms");
            }
            Judged::Calls | Judged::Time { .. } => {}
        }
        let Recovery::Ramp(Ramp { shares, results, in_flight_max }) = self.recovery else {
            return Ok(());
        };
        if results == 0 || in_flight_max == 0 {
            return refuse("results, in_flight_max", "must be at least 1");
        }
        let are_shares = shares.iter().all(|share| *share > 0.0 && *share <= 1.0);
        if !are_shares || !shares.is_sorted() {
            return refuse("shares", "must rise, from above 0 to at most 1");
        }
        Ok(())
    }
}
