//! One engine, of whatever kind: made, started, asked, broken and stopped through one interface.

mod address;
mod error;
mod leftovers;
mod lifecycle;
mod site;
mod spec;

pub use error::EngineError;
pub use leftovers::discard_data;
pub use lifecycle::Engine;
pub(crate) use site::{Site, TemporaryFile, remove_folder};
pub use spec::{EngineSpec, Lag, Upstream};
