//! Whether to try again, and after how long, as a pure decision.

use std::time::Duration;

use tokio::time::Instant;

use super::budget::Budget;
use crate::deadline::Deadline;

/// The numbers of a retry; any value is valid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    /// How often a call is made, the first time included.
    pub attempts_max: u32,
    /// The longest wait before the second attempt; it doubles with each further one.
    pub wait_base: Duration,
    /// No wait is longer.
    pub wait_max: Duration,
    /// With less time left than this, an attempt is not begun.
    pub attempt_min: Duration,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            attempts_max: 3,
            wait_base: Duration::from_millis(10),
            wait_max: Duration::from_secs(1),
            attempt_min: Duration::from_millis(5),
        }
    }
}

/// What a second execution would do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Safety {
    /// The same as the first: a read, or setting a value.
    Idempotent,
    /// Nothing: the request carries a key, and the callee remembers keys.
    Keyed,
    /// Harm.
    Once,
}

/// How an attempt failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// It never reached the callee: the connection was refused.
    NotSent,
    /// The callee declined without doing anything, as by 429 or 503.
    Refused {
        /// When it wants to be asked again, if it said.
        retry_after: Option<Duration>,
    },
    /// It may have been carried out: a timeout, or a connection that broke after the sending.
    Unknown,
    /// The answer will be the same again.
    Final,
}

/// Why there is no further attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GiveUp {
    /// The answer is final.
    #[error("the answer is final")]
    Final,
    /// It may have been carried out, and must not be twice.
    #[error("it may have been carried out, and must not be twice")]
    NotSafe,
    /// All attempts were made.
    #[error("all attempts were made")]
    Attempts,
    /// The next attempt could not end in time.
    #[error("too little time is left for another attempt")]
    Deadline,
    /// Too many calls fail to ask again.
    #[error("the retry budget is spent")]
    Budget,
}

/// The attempts of one call.
#[derive(Clone, Debug)]
pub struct Retries {
    policy: Policy,
    safety: Safety,
    deadline: Deadline,
    made: u32,
}

impl Retries {
    /// A call whose first attempt is under way.
    pub fn new(policy: Policy, safety: Safety, deadline: Deadline) -> Self {
        Self { policy, safety, deadline, made: 1 }
    }

    /// How many attempts were made.
    pub fn made(&self) -> u32 {
        self.made
    }

    /// Takes the failure of an attempt; answers how long to wait before the next one. `draw` is a
    /// random number from 0 to 1. The budget is asked last, so that what is given up for another
    /// reason costs nothing.
    ///
    /// # Errors
    /// When there is no next one.
    pub fn after(
        &mut self,
        failure: Failure,
        budget: &mut Budget,
        now: Instant,
        draw: f64,
    ) -> Result<Duration, GiveUp> {
        let asked_for = match failure {
            Failure::Final => return Err(GiveUp::Final),
            Failure::Unknown if self.safety == Safety::Once => return Err(GiveUp::NotSafe),
            Failure::Unknown | Failure::NotSent => Duration::ZERO,
            Failure::Refused { retry_after } => retry_after.unwrap_or_default(),
        };
        if self.made >= self.policy.attempts_max {
            return Err(GiveUp::Attempts);
        }
        // On top of what the callee asks for, or all whom it has told the same come together.
        let wait = asked_for.saturating_add(self.jittered(draw));
        let needed = wait.saturating_add(self.policy.attempt_min);
        if self.deadline.remaining(now) < needed || self.deadline.has_passed(now) {
            return Err(GiveUp::Deadline);
        }
        if !budget.spend(now) {
            return Err(GiveUp::Budget);
        }
        self.made += 1;
        Ok(wait)
    }

    /// Anything from zero to the doubled base: clients that failed together spread out best so.
    fn jittered(&self, draw: f64) -> Duration {
        // Beyond this many doublings, every base has reached every sensible maximum.
        const DOUBLINGS_MAX: u32 = 30;
        let doublings = (self.made - 1).min(DOUBLINGS_MAX);
        let longest = self.policy.wait_base.saturating_mul(1 << doublings);
        longest.min(self.policy.wait_max).mul_f64(draw.clamp(0.0, 1.0))
    }
}
