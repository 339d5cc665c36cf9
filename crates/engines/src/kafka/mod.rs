//! Kafka in KRaft mode: one broker that is its own controller, or several that form a cluster.
//!
//! A broker counts as ready when it has taken a record and given it back. One that cannot find a
//! majority of its cluster, because the others are not started yet, counts as started when it
//! waits for them: otherwise no cluster could be started one broker after the other.
//!
//! An acknowledged record survives `kill -9`: it is in the page cache, and with three brokers in
//! two of them. It does not survive the loss of the machine's power, as Kafka does not sync.

mod class_archive;
mod configuration;
mod connection;
mod create;
mod jars;
mod probe;
mod server;
mod topology;

pub(crate) use configuration::is_data_folder;
pub(crate) use create::create;
pub(crate) use jars::{candidate_folders, jar_version, server_jar};
pub(crate) use server::{answer, command, prepare, stop, waits_for_quorum};
pub use topology::{EdgeListener, KafkaSpec, Member};
