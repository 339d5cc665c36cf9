//! Degradation as a type: an answer says how good it is.
//!
//! **Why.** A service whose dependency is away can often still say something useful: the prices of
//! a minute ago, an empty list with a reason, two parts of three. But if that looks like any other
//! answer, nobody can tell: the user books at an old price, the next service caches it as fresh,
//! and the availability that is reported is that of the fallback. So the grade travels with the
//! value, in the type, in the body and in a header ([`HEADER`]), and can be counted apart.
//!
//! **When to use.** For every answer that has a fallback. What is put together from several answers
//! is as good as the worst of them ([`Answer::with`]).
//!
//! **When not.** For decisions: stock is not reserved, and no card charged, on a stale answer.
//!
//! **What it costs.** A header; and each reader has to say what it does with less than fresh.
//!
//! ```
//! use std::time::Duration;
//! use standfast_tactics::degrade::{Answer, Grade, Kept, Ladder};
//!
//! let ladder = Ladder { stale_max: Duration::from_secs(60) };
//! let failed: Result<Vec<&str>, &str> = Err("search is away");
//! let kept = Kept { value: vec!["room 7"], age: Duration::from_millis(1234) };
//! let answer = ladder.answer(failed.clone(), Some(kept), None)?;
//! assert_eq!(answer.grade.header_value(), "stale; age=1234");
//! let answer = ladder.answer(failed, None, Some(vec![]))?;
//! assert_eq!(answer.grade, Grade::Degraded { why: "search is away".to_owned() });
//! assert_eq!(Grade::from_header("stale; age=1234"), Ok(Grade::Stale {
//!     age: Duration::from_millis(1234)
//! }));
//! # Ok::<(), &str>(())
//! ```

mod header;
mod ladder;
mod state;

pub use header::{HEADER, HeaderError};
pub use ladder::{Kept, Ladder};
pub use state::{Answer, Grade};
