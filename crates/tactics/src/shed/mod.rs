//! Load shedding: under overload, refuse early, and the least important first.
//!
//! **Why.** A service that is offered three times what it can do, and tries, does nothing: all
//! requests wait, all are late, and each costs as much as one that is in time. Refusing two thirds
//! at once serves the last third as quickly as ever. Which third is a decision: a payment that is
//! refused is lost money, a search is repeated.
//!
//! **When to use.** At the entrance, around all that a request will cost; before queues, caches
//! that cost nothing to ask excepted. What is refused should be told when to come back, and retries
//! of it be paid from a budget ([`crate::retry`]).
//!
//! **When not.** As protection against one bad caller (that is a rate limit), or for calls that are
//! out of our hands already. For one resource with a known capacity a [`crate::bulkhead`] does.
//!
//! **What it costs.** Requests that are refused although they might have been served, while the
//! limit is being learned and at short bursts; some tens of nanoseconds for each.
//!
//! # Who is refused
//!
//! At most [`Shedder::limit`] requests run at once. Each class has a share of the places reserved,
//! and takes any others that are free, except what is reserved for those *above* it and not yet
//! used by them. Hence: whoever is refused while somebody of a lower class gets in sees that one
//! within its own share; and a class within its share waits for nobody but for a place to come
//! free, so that payments do not lock out searches for good. When all places are taken, the highest
//! classes may go above the limit ([`Policy::overdraft`]): a place comes free within a fraction of
//! a call.
//!
//! # How many at once
//!
//! The limit is learned as in Netflix's concurrency limits ("gradient2"): it grows, by its square
//! root, while latency is what it usually is, and shrinks by the ratio of the two when it is above.
//! What is different, since those have known defects:
//!
//! - What is usual is the lowest *level* of the last while, a level being the mean of many calls
//!   without their slowest tenth: neither one lucky call (concurrency-limits#37) nor one that hung
//!   moves it. Each class has its own, so that a change of the mix is no change of latency.
//! - It grows only while at least half of it is used: an idle night does not make it infinite.
//! - It shrinks once a round trip: only calls that were admitted after a change tell of it.
//! - Under lasting overload the usual must not be forgotten, or the limit drifts upwards. As BBR
//!   does, it is looked up: while requests are refused, the lower classes are held back for a
//!   moment every few seconds, until some calls have come through without a queue. Thus it also
//!   learns that the dependency *has* become slower, which no limit would help.
//! - Levels are smoothed before the lowest is taken, else it would be that of chance; and the
//!   lowest and not the mean is taken since bursts come and go (Nichols and Jacobson, "Controlling
//!   Queue Delay", 2012).
//!
//! ```
//! use standfast_tactics::shed::{Outcome, Policy, Priority, Shedder};
//! use std::time::Duration;
//! use tokio::time::Instant;
//!
//! let policy = Policy { limit_first: 20, ..Policy::default() };
//! let mut shedder = Shedder::try_new(policy)?;
//! let now = Instant::now();
//! let searches: Vec<_> =
//!     std::iter::from_fn(|| shedder.admit(Priority::Low, now).ok()).collect();
//! assert_eq!(searches.len(), 12, "eight places are kept for what matters more");
//! let payment = shedder.admit(Priority::Critical, now)?;
//! shedder.finish(payment, Outcome::Served, now + Duration::from_millis(5));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod gate;
mod level;
mod limit;
mod policy;
mod priority;
mod state;

pub use gate::{Gate, Pass};
pub use policy::{Policy, PolicyError};
pub use priority::Priority;
pub use state::{Counts, Outcome, Refusal, Shedder, Ticket};
