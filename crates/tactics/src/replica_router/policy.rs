//! The numbers of a router.

use std::time::Duration;

use crate::retry::{BudgetError, BudgetPolicy};

/// When a replica is left out, when it comes back, and how much the primary takes over.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Policy {
    /// A replica further behind than this is out.
    pub lag_out: Duration,
    /// It comes back when it is no further behind than this, which is less: a replica at the limit
    /// would come and go with every look.
    pub lag_back: Duration,
    /// After so many failures in a row, of looks or of reads, a replica is out.
    pub failures_max: u32,
    /// So many good looks in a row bring it back.
    pub looks_to_return: u32,
    /// A replica that nobody has looked at for this long is not read: nothing is known of it.
    pub silence_max: Duration,
    /// A read waits this long for a replica that is nearly there.
    pub wait_max: Duration,
    /// What is paid for reads that the primary answers because no replica could. A read of a
    /// replica earns [`BudgetPolicy::share`].
    pub fallback: BudgetPolicy,
    /// See [`crate::replica_guard::Policy::beats_max`].
    pub beats_max: usize,
    /// The time between two heartbeats. The lag counts from the first one that is missing, and what
    /// was acknowledged since the one before may be missing as well.
    pub beat_period: Duration,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            lag_out: Duration::from_secs(5),
            lag_back: Duration::from_secs(1),
            failures_max: 3,
            looks_to_return: 5,
            silence_max: Duration::from_secs(2),
            wait_max: Duration::from_millis(50),
            fallback: BudgetPolicy { share: 0.1, per_second: 50.0, saved_max: 50.0 },
            beats_max: 128,
            beat_period: Duration::from_millis(50),
        }
    }
}

/// Which number makes no sense.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PolicyError {
    /// One of the router's own.
    #[error("replica router: `{field}` {problem}")]
    Field {
        /// Its name.
        field: &'static str,
        /// What it must be.
        problem: &'static str,
    },
    /// One of the budget.
    #[error("replica router, `fallback`: {0}")]
    Fallback(#[from] BudgetError),
}

impl Policy {
    pub(super) fn check(&self) -> Result<(), PolicyError> {
        let fail = |field, problem| Err(PolicyError::Field { field, problem });
        if self.lag_back >= self.lag_out {
            return fail("lag_back", "must be below `lag_out`");
        }
        if self.failures_max == 0 || self.looks_to_return == 0 {
            return fail("failures_max, looks_to_return", "must be at least 1");
        }
        if self.silence_max.is_zero() {
            return fail("silence_max", "must be above zero");
        }
        Ok(())
    }
}
