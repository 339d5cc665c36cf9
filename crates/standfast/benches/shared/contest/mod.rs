//! A contest of programs that stand between clients and one origin, and take turns.
//!
//! Two benchmarks hold one, each with contenders and figures of its own: where they measure the
//! same, it is the same code, so that their figures can be read side by side. A benchmark that
//! has this module has `stand::{Contender, Running, Stand}` and `figures::Figure`, too.

mod cost;
pub(crate) mod medians;
pub(crate) mod options;
pub(crate) mod rate;
pub(crate) mod requests;
pub(crate) mod table;

pub(crate) use cost::{cpu_us, memory_kb};
