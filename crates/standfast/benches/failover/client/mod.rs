//! Clients: a session with one server or proxy, and writers that use it as applications do.

mod link;
mod mysql;
mod postgres;
mod writer;

pub(crate) use link::Link;
pub(crate) use writer::{Style, Writers};
