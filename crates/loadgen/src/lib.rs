//! Load that does not wait for answers, and a record of every attempt.
//!
//! A schedule says when each attempt is intended ([`Arrivals`]), whatever the server does; latency
//! and timeouts count from there, and every intended attempt becomes exactly one
//! [`Operation`](standfast_history::Operation), sent or not. What the generator itself could not
//! deliver on time is counted as missed and never hidden.
//!
//! Map: [`Scenario`] is what clients ask; [`start`] runs [`LoadPlan`]s in open loop; [`closed`] is
//! the closed loop of a benchmark; [`hgrm`] writes latency distributions.

pub mod closed;
mod draw;
mod generator;
pub mod hgrm;
mod http;
pub mod latency;
mod load;
mod scenario;
mod schedule;

pub use generator::Progress;
pub use load::{Load, LoadError, LoadOutcome, LoadPlan, start};
pub use scenario::{ObserveSpec, ScalarSpec, Scenario, ScenarioError, ScenarioSpec, VariableSpec};
pub use schedule::Arrivals;
