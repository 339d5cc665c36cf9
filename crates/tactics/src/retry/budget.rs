//! What retries are paid from.

use tokio::time::Instant;

/// The numbers of a budget. Retries never exceed
/// `saved_max + share × successes + per_second × seconds`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BudgetPolicy {
    /// What a success earns: 0.1 allows one retry for ten successes.
    pub share: f64,
    /// What time earns, so that a service with little traffic can retry at all.
    pub per_second: f64,
    /// More than this is not saved up: hours without failure do not pay for a storm. A new budget
    /// has this much.
    pub saved_max: f64,
}

impl Default for BudgetPolicy {
    fn default() -> Self {
        Self { share: 0.1, per_second: 1.0, saved_max: 10.0 }
    }
}

/// Which number of a budget makes no sense.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("retry budget: `{field}` {problem}")]
pub struct BudgetError {
    field: &'static str,
    problem: &'static str,
}

/// Whole numbers, since thousands of tenths do not add up in floats.
const UNITS_PER_RETRY: u128 = 1_000_000;

/// How many retries may be made.
#[derive(Clone, Debug)]
pub struct Budget {
    per_success: u128,
    per_second: u128,
    saved_max: u128,
    saved: u128,
    earned_until: Option<Instant>,
}

impl Budget {
    /// A full budget.
    ///
    /// # Errors
    /// When a number of `policy` makes no sense.
    pub fn try_new(policy: BudgetPolicy) -> Result<Self, BudgetError> {
        let fail = |field, problem| Err(BudgetError { field, problem });
        if !(0.0..=1.0).contains(&policy.share) {
            return fail("share", "must be from 0 to 1: more is no budget");
        }
        if !(0.0..=1e6).contains(&policy.per_second) {
            return fail("per_second", "must be from 0 to a million");
        }
        if !(1.0..=1e6).contains(&policy.saved_max) {
            return fail("saved_max", "must be from 1 to a million");
        }
        let units = |retries: f64| (retries * UNITS_PER_RETRY as f64) as u128;
        let saved_max = units(policy.saved_max);
        Ok(Self {
            per_success: units(policy.share),
            per_second: units(policy.per_second),
            saved_max,
            saved: saved_max,
            earned_until: None,
        })
    }

    /// A call succeeded, be it the first attempt or a later one.
    pub fn earn(&mut self) {
        self.saved = (self.saved + self.per_success).min(self.saved_max);
    }

    /// Pays for one retry at `now`, if there is enough.
    pub fn spend(&mut self, now: Instant) -> bool {
        let since = *self.earned_until.get_or_insert(now);
        let micros = now.saturating_duration_since(since).as_micros();
        let earned = micros * self.per_second / 1_000_000;
        if earned > 0 {
            self.earned_until = Some(now);
            self.saved = (self.saved + earned).min(self.saved_max);
        }
        let is_enough = self.saved >= UNITS_PER_RETRY;
        if is_enough {
            self.saved -= UNITS_PER_RETRY;
        }
        is_enough
    }

    /// How many retries it would pay for at once.
    pub fn saved(&self) -> f64 {
        self.saved as f64 / UNITS_PER_RETRY as f64
    }
}
