//! How other processes reach an instance: a socket in its folder, one JSON line each way.
//!
//! `stop` keeps the instance and its data, `down` keeps the data, `down --data` keeps nothing: the
//! words mean what they mean to Compose.

mod client;
mod error;
mod failure_kind;
mod journal;
mod logs;
mod message;
mod server;

pub use client::{Connection, InstanceSummary, connect, down, find, list_instances, ps, stop_all};
pub use error::ControlError;
pub use failure_kind::FailureKind;
pub use journal::events_file;
pub use logs::{LogFollower, LogLine, tail};
pub use message::{ActiveFault, InstanceStatus, LinkStatus, Request, Response};
pub use server::serve;
