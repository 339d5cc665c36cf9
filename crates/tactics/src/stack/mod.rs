//! The order in which tactics are put around a call, checked.
//!
//! **Why.** Each tactic is right by itself, and two of them the wrong way round are none: a timeout
//! outside of the breaker cuts off calls of which the breaker never learns; a retry inside of the
//! breaker hammers what it has just given up; a cache inside of it is refused together with the
//! call that it would have saved. Such mistakes compile, pass the tests with healthy dependencies,
//! and show in the outage.
//!
//! **When to use.** Wherever several tactics surround one call: the service declares its order
//! once, from the outside in, and a test (or its start) has it checked.
//!
//! **When not.** The check is about what was declared; that the code does it so is for its tests.
//!
//! **What it costs.** Nothing at run time.
//!
//! What the order should be, from the outside in, for a read that has all of it:
//! [`Layer::Shed`], [`Layer::Fallback`], [`Layer::Deadline`], [`Layer::Cache`],
//! [`Layer::Coalesce`], [`Layer::Retry`], [`Layer::Hedge`], [`Layer::Selection`],
//! [`Layer::Bulkhead`], [`Layer::Breaker`], [`Layer::Timeout`]. The reasons are in [`RULES`].
//!
//! ```
//! use standfast_tactics::stack::{Layer, Stack};
//!
//! use Layer::{Breaker, Deadline, Retry, Timeout};
//! assert!(Stack::try_new("search", &[Deadline, Retry, Breaker, Timeout]).is_ok());
//! let mistakes = Stack::try_new("search", &[Deadline, Retry, Timeout, Breaker]).unwrap_err();
//! assert_eq!(
//!     mistakes.to_string(),
//!     "stack `search`: breaker must be outside of timeout: a call that is cut off outside of the \
//!      breaker is one that it never learns about"
//! );
//! ```

mod layer;
mod rules;
mod state;

pub use layer::Layer;
pub use rules::{Needs, Order, RULES};
pub use state::{Mistake, Mistakes, Stack};
