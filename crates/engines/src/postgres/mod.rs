//! PostgreSQL: made from a template, replicated by streaming, broken and brought back.

mod configuration;
mod create;
mod lag;
mod replica;
mod script;
mod server;
mod session;
mod shared_memory;
mod template;

pub(crate) use configuration::is_data_folder;
pub(crate) use create::create;
pub(crate) use lag::lag;
pub(crate) use script::run_script;
pub(crate) use server::{answer, command, has_come_up, prepare, stop};
pub(crate) use shared_memory::release as release_shared_memory;
