//! Bringing what is missing, with the machine's own package clients and nothing else.
//!
//! A plan is made first and can be printed as it is: every step is a command that a user may type.

mod axe_core;
mod error;
mod facts;
mod kafka;
mod mysql;
mod plan;
mod run;
mod step;
mod toxiproxy_clients;

pub use error::SetupError;
pub use plan::{Plan, plan};
pub use run::{Progress, run};
pub use step::Step;
