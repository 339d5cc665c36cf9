//! The retrier for tasks: makes the attempts, waits between them, and shares the budget.

use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tokio::time::{Instant, sleep, timeout_at};

use super::budget::{Budget, BudgetError, BudgetPolicy};
use super::state::{Failure, GiveUp, Policy, Retries, Safety};
use crate::deadline::Deadline;

/// Which attempt is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// 1 for the first.
    pub number: u32,
    /// That of the whole call.
    pub deadline: Deadline,
}

/// A call that failed for good.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("gave up after attempt {attempts}: {why}")]
pub struct GaveUp<E> {
    /// Why there was no further attempt.
    pub why: GiveUp,
    /// How many were made.
    pub attempts: u32,
    /// How the last one failed; `None` if the deadline cut it off.
    pub last: Option<E>,
}

#[derive(Debug)]
struct Inner {
    budget: Budget,
    rng: StdRng,
}

/// Makes the calls to one dependency. Clones share one budget.
#[derive(Clone, Debug)]
pub struct Retrier {
    policy: Policy,
    inner: Arc<Mutex<Inner>>,
}

impl Retrier {
    /// A retrier with a full budget, whose waits are jittered from `seed`.
    ///
    /// # Errors
    /// When a number of `budget` makes no sense.
    pub fn try_new(policy: Policy, budget: BudgetPolicy, seed: u64) -> Result<Self, BudgetError> {
        let (budget, rng) = (Budget::try_new(budget)?, StdRng::seed_from_u64(seed));
        Ok(Self { policy, inner: Arc::new(Mutex::new(Inner { budget, rng })) })
    }

    /// Makes attempts until one succeeds, or there is no further one. None outlasts `deadline`.
    ///
    /// # Errors
    /// When all of them failed: with the last failure, and why that was the last.
    pub async fn run<T, E, F>(
        &self,
        safety: Safety,
        deadline: Deadline,
        mut attempt: impl FnMut(Attempt) -> F,
    ) -> Result<T, GaveUp<E>>
    where
        F: Future<Output = Result<T, (Failure, E)>>,
    {
        let mut retries = Retries::new(self.policy, safety, deadline);
        loop {
            let number = retries.made();
            let made = timeout_at(deadline.instant(), attempt(Attempt { number, deadline })).await;
            let (failure, error) = match made {
                Ok(Ok(answer)) => {
                    self.with(|inner| inner.budget.earn());
                    return Ok(answer);
                }
                Ok(Err(failed)) => failed,
                Err(_) => {
                    return Err(GaveUp { why: GiveUp::Deadline, attempts: number, last: None });
                }
            };
            let decision = self.with(|inner| {
                let draw = inner.rng.random();
                retries.after(failure, &mut inner.budget, Instant::now(), draw)
            });
            match decision {
                Ok(wait) => sleep(wait).await,
                Err(why) => return Err(GaveUp { why, attempts: number, last: Some(error) }),
            }
        }
    }

    /// Pays for one more call that is no retry, such as a hedge, from the same budget.
    pub fn spend(&self) -> bool {
        self.with(|inner| inner.budget.spend(Instant::now()))
    }

    /// How many retries the budget would pay for at once.
    pub fn saved(&self) -> f64 {
        self.with(|inner| inner.budget.saved())
    }

    fn with<T>(&self, use_inner: impl FnOnce(&mut Inner) -> T) -> T {
        use_inner(&mut self.inner.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
