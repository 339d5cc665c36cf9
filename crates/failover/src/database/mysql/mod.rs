//! MariaDB and MySQL 8, replicated by GTID. The user of a URL has to have all rights.
//!
//! They are one module because they speak one protocol; how a commit waits for a replica, and
//! what a position is, stands in `mariadb` and `mysql8`. A cluster is two servers: neither engine
//! can be told by name for which of several replicas a commit waits.
//!
//! A primary does not know how far its replica is, so the adapters of a cluster tell each other
//! what their servers said last (`roll`).

mod link;
mod mariadb;
mod mysql8;
mod roll;
mod sentry;
mod server;
mod session;

pub use server::{MysqlServer, MysqlSetupError};

use std::time::Duration;

use crate::core::Options;

/// How many transactions a replica may lack when commits begin to wait for it: they wait for all
/// of these.
const TRANSACTIONS_NEAR_MAX: u64 = 200;

/// The same for a replica that applies more slowly than clients write: it never gets near by
/// itself, only when they have to wait.
const TRANSACTIONS_NEAR_MAX_LATE: u64 = 20_000;

/// Applying the rest takes a replica longer than a crash recovery, at times.
const CANDIDATE_WAIT: Duration = Duration::from_secs(5);

/// What a primary acknowledges is on its disk. A replica may be more careless: what it holds counts
/// as long as its process lives, and the first commit after this takes all that was written before
/// to the disk as well.
const DURABLE: &str = "SET GLOBAL innodb_flush_log_at_trx_commit = 1, GLOBAL sync_binlog = 1";

/// Which of the two it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flavour {
    /// Semi-synchronous replication is the server's own.
    Mariadb,
    /// Clients wait for the replica themselves, while `replication_duty.required` in their
    /// database says so; without that table no replica is ever sure to hold everything.
    Mysql,
}

impl Flavour {
    /// The defaults for a cluster of such servers.
    pub fn options(self) -> Options {
        Options {
            near_max: TRANSACTIONS_NEAR_MAX,
            near_max_late: TRANSACTIONS_NEAR_MAX_LATE,
            candidate_wait: CANDIDATE_WAIT,
            ..Options::of(2)
        }
    }
}
