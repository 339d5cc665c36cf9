//! Real engines and real processes: what they do when they are started, broken and left behind.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod hosts;
mod kafka;
mod kafka_cluster;
mod mysql;
mod mysql_rejoin;
mod mysql_replica;
mod nest;
mod nginx;
mod place;
mod postgres;
mod process;
mod proxy;
mod rejoin;
mod replica;
mod valkey;
