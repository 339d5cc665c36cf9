//! Hedged calls: when an answer takes unusually long, ask somebody else as well.
//!
//! **Why.** Of a hundred calls to a healthy service, a few take ten times as long as the rest: a
//! garbage collection, a full queue, a lost packet. Whoever needs many answers waits for such a one
//! nearly always. A second call, to *another* replica, sent once the first has taken longer than
//! 95 % of calls do, costs 5 % more load and cuts the tail (Dean and Barroso, "The Tail at Scale",
//! CACM 2013).
//!
//! **When to use.** For reads of which there are several replicas, or for what may be executed
//! twice; inside of a retry and outside of the choice of a replica.
//!
//! **When not.** For what must not run twice; where all replicas share the bottleneck (one
//! database): then it is load on top of load. Against a dependency that is down, see
//! [`crate::circuit_breaker`].
//!
//! **What it costs.** The share of calls above the quantile, as load; bounded by the budget that
//! retries are paid from ([`crate::retry::Budget`]), so that a slow dependency is not doubled.
//!
//! What is exact here, since others are not:
//!
//! - The delay is a quantile of what first calls took ([`Latencies`]), a losing one included: it is
//!   counted with the time after which it was dropped. That is above the delay, so that it falls on
//!   its right side of the quantile; counting winners only would have the delay shrink by itself.
//! - A spent budget means no hedge, and nothing else: the call in flight goes on (failsafe-go#141).
//! - No hedge is sent that could not be back before the deadline, and none before enough is known.
//!
//! ```
//! use std::time::Duration;
//! use standfast_tactics::deadline::Deadline;
//! use standfast_tactics::hedge::{Hedge, Latencies, Policy, Verdict};
//! use standfast_tactics::retry::{Budget, BudgetPolicy};
//! use tokio::time::Instant;
//!
//! let (policy, mut usual) = (Policy::default(), Latencies::default());
//! for millis in 1..=100 {
//!     usual.record(Duration::from_millis(millis));
//! }
//! let (sent, mut budget) = (Instant::now(), Budget::try_new(BudgetPolicy::default())?);
//! let mut hedge = Hedge::new(policy, sent, Deadline::after(sent, Duration::from_secs(1)));
//! let due = hedge.due(&usual).expect("enough is known");
//! assert!((90..=105).contains(&(due - sent).as_millis()), "the 95th percentile");
//! assert_eq!(hedge.decide(&usual, &mut budget, due), Verdict::Send);
//! # Ok::<(), standfast_tactics::retry::BudgetError>(())
//! ```

mod latencies;
mod race;
mod state;

pub use latencies::Latencies;
pub use race::{Hedger, Raced};
pub use state::{Hedge, Policy, Verdict, Why};
