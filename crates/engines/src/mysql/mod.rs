//! MariaDB and MySQL: made from a template, replicated by GTID, broken and brought back.
//!
//! They are one module because they are of one descent: protocol, configuration file and most
//! statements are the same. What is not stands in `dialect`.
//!
//! The folder of an engine holds its configuration and, beside it, `files`, which is the server's
//! own data folder: that one can be thrown away and made again without its configuration.
//!
//! A server whose role a watchdog decides always starts read-only and follows nobody. What it
//! becomes is said by SQL, so whoever starts one by hand gets a server that takes no write.

mod binlog;
mod client;
mod configuration;
mod create;
mod dialect;
mod dump;
mod gtid;
mod gtid_set;
mod lag;
mod rejoin;
mod replacement;
mod replication;
mod rewind;
mod role;
mod roles;
mod script;
mod server;
mod session;
mod template;
mod workshop;

pub(crate) use client::folder_with as client_folder;
pub(crate) use configuration::is_data_folder;
pub(crate) use create::create;
pub(crate) use lag::lag;
pub(crate) use rejoin::{clone, prepare_to_reconcile, reconcile, reconcile_running};
pub(crate) use replication::{follow, follow_as_declared};
pub(crate) use role::{mark_fenced, mark_following, mark_primary, mark_replica, stored_role};
pub(crate) use script::run_script;
pub(crate) use server::{answer, command, prepare, stop};
