//! Real engines on this machine: found, made, started, replicated, broken and stopped.
//!
//! - [`Home`] says where everything is kept, [`find`] which programs are here, [`setup`] how the
//!   missing ones come.
//! - [`process`] owns every child process, so that nothing survives us.
//! - [`hosts`] are networks of their own, for processes that are to be cut off.
//! - [`Engine`] is one PostgreSQL, MariaDB, MySQL, Valkey, Kafka, HAProxy, Nginx or etcd server:
//!   it counts as started when it answers a real query, not before.

mod copy_tree;
mod doctor;
mod engine;
mod etcd;
mod find;
mod haproxy;
mod home;
pub mod hosts;
mod kafka;
mod mysql;
mod nginx;
mod postgres;
pub mod process;
mod secrets;
pub mod setup;
mod tool;
mod user;
mod valkey;
mod wait;

pub use copy_tree::{CopyError, copy_tree};
pub use doctor::{ToolReport, doctor};
pub use engine::{
    Agent, Backend, Engine, EngineError, EngineSpec, Fenced, Lag, Peer, Rejoined, StoredRole,
    Upstream, discard_data,
};
pub use find::{MissingTool, find};
pub use home::{Home, HomeError};
pub use kafka::{EdgeListener, KafkaSpec, Member};
pub use postgres::{LogReport, LogReportError, postgres_configuration};
pub use secrets::{Secrets, SecretsError};
pub use tool::{EngineKind, FoundIn, Installation, Runtime, Tool, UnknownName};
pub use user::{UserError, UserId};
pub use wait::wait_until;
