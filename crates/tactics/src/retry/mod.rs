//! Retries: ask again where that can help, and only as often as the dependency can bear.
//!
//! **Why.** Many failures are gone a moment later: a connection that was reset, a leader that has
//! just moved. But a dependency that fails because it is overloaded gets the load of three for one
//! from clients that try three times, and stays down. So retries are paid from a *budget* that
//! only successes fill: while most calls succeed there is one for each failure, and when nearly
//! none does, next to none is made.
//!
//! **When to use.** At one level of a call chain: three levels of three tries are twenty-seven.
//! For what is idempotent or carries an idempotency key; for anything else only where it is
//! certain that nothing was done ([`Failure::NotSent`], [`Failure::Refused`]).
//!
//! **When not.** Inside a [`crate::circuit_breaker`] that is open (its rejection is final), or for
//! answers that will be the same again.
//!
//! **What it costs.** Up to `share` more load; latency, at most up to the deadline: a retry that
//! could not end in time is not begun.
//!
//! One budget is meant for all calls to one dependency, hedges included.
//!
//! ```
//! use std::time::Duration;
//! use standfast_tactics::deadline::Deadline;
//! use standfast_tactics::retry::{Budget, BudgetPolicy, Failure, GiveUp, Policy, Retries, Safety};
//! use tokio::time::Instant;
//!
//! let now = Instant::now();
//! let deadline = Deadline::after(now, Duration::from_millis(300));
//! let mut budget = Budget::try_new(BudgetPolicy::default())?;
//! let mut retries = Retries::new(Policy::default(), Safety::Keyed, deadline);
//! let wait = retries.after(Failure::Unknown, &mut budget, now, 0.5);
//! assert_eq!(wait, Ok(Duration::from_millis(5)), "half of 10 ms: the jitter is full");
//! // Without a key, nobody knows whether the first try was carried out.
//! let mut once = Retries::new(Policy::default(), Safety::Once, deadline);
//! assert_eq!(once.after(Failure::Unknown, &mut budget, now, 0.5), Err(GiveUp::NotSafe));
//! # Ok::<(), standfast_tactics::retry::BudgetError>(())
//! ```

mod attempts;
mod budget;
mod state;

pub use attempts::{Attempt, GaveUp, Retrier};
pub use budget::{Budget, BudgetError, BudgetPolicy};
pub use state::{Failure, GiveUp, Policy, Retries, Safety};
