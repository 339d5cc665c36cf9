//! PostgreSQL: made from a template, replicated by streaming, broken and brought back.

mod agent;
mod configuration;
mod create;
mod lag;
mod log_report;
mod rejoin;
mod replica;
mod role;
mod script;
mod server;
mod session;
mod shared_memory;
mod template;

pub(crate) use agent::{command as agent_command, prepare as prepare_agent, stop as stop_agent};
pub(crate) use configuration::is_data_folder;
pub(crate) use create::create;
pub(crate) use lag::lag;
pub use log_report::{LogReport, LogReportError, postgres_configuration};
pub(crate) use rejoin::{clone, rewind};
pub(crate) use role::{
    follow_from_now, mark_fenced, mark_primary, mark_replica, remove_node, stored_role,
};
pub(crate) use script::run_script;
pub(crate) use server::{answer, command, has_come_up, prepare, stop, stop_soon};
pub(crate) use shared_memory::release as release_shared_memory;
