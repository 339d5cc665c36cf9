//! One engine, of whatever kind: made, started, asked, broken and stopped through one interface.

mod address;
mod agent_server;
mod disk;
mod error;
mod fence;
mod leftovers;
mod lifecycle;
mod roles;
mod site;
mod spec;
mod template;

pub use error::EngineError;
pub use fence::Fenced;
pub use leftovers::discard_data;
pub use lifecycle::Engine;
pub use roles::{Rejoined, StoredRole};
pub(crate) use site::{Site, TemporaryFile, remove_folder};
pub use spec::{Agent, Backend, EngineSpec, Lag, Peer, Upstream};
pub(crate) use template::template;
