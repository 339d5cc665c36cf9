//! Outliers: find the replica that differs, leave it out for a while, and let it prove itself.
//!
//! **Why.** A vote masks one bad replica, and only one: as long as it stays in, the next failure
//! costs the quorum. Left out and watched, it does no harm, and comes back once it is well again.
//!
//! **When to use.** Beside [`crate::vote`], fed with the tally of each vote; or with a number per
//! replica (latency, a measured value) where there is no exact answer to compare.
//!
//! **When not.** To find out who is dead or slow: that is [`crate::detect`]. Where all replicas may
//! go wrong together: the majority is then the outlier, and nobody notices.
//!
//! **What it costs.** A replica left out is capacity and redundancy lost: one of three out means
//! that both others must agree. A wrong setting throws out the well. Hence the caps.
//!
//! # Two sigma among a few answers finds nothing
//!
//! The farthest of n values is at most √(n − 1) standard deviations from their mean, because it
//! pulls mean and deviation towards itself: 1.41 among three, and 2.0 among five only when the
//! other four are equal to the last digit. "More than two sigma" is never true there. So:
//!
//! - Among the answers of one vote, each is measured against *the others* ([`Among::LeaveOneOut`],
//!   one bad) or against the median ([`Among::Median`], up to half of them bad).
//! - Two sigma is kept for what it is made for, a replica against its own history of at least
//!   thirty samples ([`History`]).
//! - Both have a floor: where all are nearly equal, every grain of noise is many sigmas wide.
//!
//! ```
//! use standfast_tactics::outlier::{Among, Floor};
//!
//! let answers = [100.0, 101.0, 130.0];
//! let floor = Floor { absolute: 0.0, relative: 0.05 };
//! assert_eq!(Among::LeaveOneOut { sigmas: 2.0 }.find(&answers, floor), [2]);
//! assert_eq!(Among::Median { deviations: 3.5 }.find(&answers, floor), [2]);
//! ```

mod among;
mod history;
mod policy;
mod state;

pub use among::{Among, Floor};
pub use history::{Chart, History};
pub use policy::{Policy, PolicyError};
pub use state::{Change, Ejector, Heard, Place, Why};
