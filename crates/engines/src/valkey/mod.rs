//! Valkey, or Redis in its place: a cache that keeps its contents over a stop, not over a crash.

mod configuration;
mod server;

pub(crate) use configuration::{create, is_data_folder};
pub(crate) use server::{answer, command, flush, forget_snapshot, prepare, stop};
