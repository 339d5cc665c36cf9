//! What MariaDB and MySQL do differently: programs, settings, statements.

use std::path::{Path, PathBuf};

use crate::engine::Site;
use crate::tool::EngineKind;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dialect {
    Mariadb,
    Mysql,
}

/// Settings of MariaDB alone.
const MARIADB_SETTINGS: [(&str, &str); 13] = [
    ("gtid_strict_mode", "ON"),
    ("log_slave_updates", "ON"),
    // A commit becomes visible after the replica has it, so nobody sees what could be lost.
    ("rpl_semi_sync_master_wait_point", "AFTER_SYNC"),
    // Eleven days: at the default of ten seconds a commit would quietly be acknowledged without a
    // copy. Whether there is anybody to wait for is decided by `rpl_semi_sync_master_enabled`.
    ("rpl_semi_sync_master_timeout", "1000000000"),
    // Answers a primary that wants to know; costs nothing when it does not.
    ("rpl_semi_sync_slave_enabled", "ON"),
    ("slave_net_timeout", "5"),
    // What several clients have written at once, one thread alone applies too slowly.
    ("slave_parallel_threads", "4"),
    // A replica that stops asks its primary to forget it. One that is cut off is not waited for.
    ("rpl_semi_sync_slave_kill_conn_timeout", "1"),
    ("relay_log_recovery", "ON"),
    // The last log is never in doubt: every commit is synced.
    ("innodb_log_file_size", "64M"),
    ("symbolic_links", "OFF"),
    ("innodb_buffer_pool_dump_at_shutdown", "OFF"),
    ("innodb_buffer_pool_load_at_startup", "OFF"),
];

/// Settings of MySQL alone.
const MYSQL_SETTINGS: [(&str, &str); 13] = [
    ("gtid_mode", "ON"),
    ("enforce_gtid_consistency", "ON"),
    ("log_replica_updates", "ON"),
    ("replica_net_timeout", "5"),
    // Of what touches different rows a replica applies several at once.
    ("binlog_transaction_dependency_tracking", "WRITESET"),
    ("relay_log_recovery", "ON"),
    ("innodb_redo_log_capacity", "64M"),
    // The second protocol has a port of its own, which nobody asked for.
    ("mysqlx", "OFF"),
    // A hundred megabytes and half of the time of a start.
    ("performance_schema", "OFF"),
    ("innodb_buffer_pool_dump_at_shutdown", "OFF"),
    ("innodb_buffer_pool_load_at_startup", "OFF"),
    // Making certificates takes two seconds of the first start, and loopback needs none.
    ("auto_generate_certs", "OFF"),
    // Notes would hide what matters in the log.
    ("log_error_verbosity", "2"),
];

impl Dialect {
    pub(super) fn of(site: &Site) -> Self {
        if site.spec.kind == EngineKind::Mysql { Self::Mysql } else { Self::Mariadb }
    }

    /// Its settings on top of what both have.
    pub(super) fn settings(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::Mariadb => &MARIADB_SETTINGS,
            Self::Mysql => &MYSQL_SETTINGS,
        }
    }

    /// Keeps clients from writing, the ones with every right included where the server can.
    pub(super) fn read_only_setting(self) -> &'static str {
        match self {
            Self::Mariadb => "read_only",
            Self::Mysql => "super_read_only",
        }
    }

    /// Options that keep clients from writing, those with every right excepted.
    pub(super) fn read_only_but_for_administrators(self) -> &'static [&'static str] {
        match self {
            Self::Mariadb => &["--read_only=ON"],
            Self::Mysql => &["--super_read_only=OFF", "--read_only=ON"],
        }
    }

    /// Keeps a server that once was a replica from connecting to its primary by itself.
    pub(super) fn skip_replication_setting(self) -> &'static str {
        match self {
            Self::Mariadb => "skip_slave_start",
            Self::Mysql => "skip_replica_start",
        }
    }

    /// Databases that are the server's own.
    pub(super) fn system_databases(self) -> &'static [&'static str] {
        &["information_schema", "mysql", "performance_schema", "sys"]
    }

    /// A role that logs in with this password, which is as long as any hash that is made of it. On
    /// MariaDB by the method that its handshake begins with: the better one fails for the client
    /// that we use whenever the server's random number ends in a zero, once in 256 logins.
    pub(super) fn create_role(self, role: &str, password: &str) -> String {
        match self {
            Self::Mariadb => {
                format!("CREATE OR REPLACE USER '{role}'@'%' IDENTIFIED BY '{password}';")
            }
            Self::Mysql => format!(
                "CREATE USER '{role}'@'%' \
                 IDENTIFIED WITH caching_sha2_password BY '{password}';"
            ),
        }
    }

    /// What the replicator may: follow, and copy all there is when a replica is made anew.
    pub(super) fn replicator_rights(self) -> &'static str {
        match self {
            Self::Mariadb => {
                "REPLICATION SLAVE, BINLOG MONITOR, SELECT, SHOW VIEW, TRIGGER, EVENT, RELOAD, \
                 LOCK TABLES, PROCESS"
            }
            Self::Mysql => {
                "REPLICATION SLAVE, REPLICATION CLIENT, SELECT, SHOW VIEW, TRIGGER, EVENT, RELOAD, \
                 LOCK TABLES, PROCESS, SHOW_ROUTINE"
            }
        }
    }

    /// Takes the roles away that a new data folder comes with.
    pub(super) fn drop_first_roles(self) -> &'static [&'static str] {
        match self {
            // Also those that are named after this machine.
            Self::Mariadb => &[
                "DELETE FROM mysql.global_priv WHERE User IN ('root', 'PUBLIC', '');",
                "FLUSH PRIVILEGES;",
            ],
            Self::Mysql => &["DROP USER IF EXISTS 'root'@'localhost';"],
        }
    }

    pub(super) fn stop_replication(self) -> &'static str {
        match self {
            Self::Mariadb => "STOP SLAVE",
            Self::Mysql => "STOP REPLICA",
        }
    }

    pub(super) fn start_replication(self) -> &'static str {
        match self {
            Self::Mariadb => "START SLAVE",
            Self::Mysql => "START REPLICA",
        }
    }

    pub(super) fn replica_status(self) -> &'static str {
        match self {
            Self::Mariadb => "SHOW SLAVE STATUS",
            Self::Mysql => "SHOW REPLICA STATUS",
        }
    }

    /// What the server calls a column of that status, which MariaDB calls `key`.
    pub(super) fn status_key(self, key: &str) -> String {
        match self {
            Self::Mariadb => key.to_owned(),
            Self::Mysql => key.replace("Master", "Source").replace("Slave", "Replica"),
        }
    }

    /// Follows the server at `host` and `port` from where this one is by its GTIDs.
    pub(super) fn change_primary(self, host: &str, port: u16, user: &str, pass: &str) -> String {
        match self {
            Self::Mariadb => format!(
                "CHANGE MASTER TO MASTER_HOST='{host}', MASTER_PORT={port}, MASTER_USER='{user}', \
                 MASTER_PASSWORD='{pass}', MASTER_CONNECT_RETRY=1, MASTER_HEARTBEAT_PERIOD=1, \
                 MASTER_USE_GTID=slave_pos"
            ),
            Self::Mysql => format!(
                "CHANGE REPLICATION SOURCE TO SOURCE_HOST='{host}', SOURCE_PORT={port}, \
                 SOURCE_USER='{user}', SOURCE_PASSWORD='{pass}', SOURCE_CONNECT_RETRY=1, \
                 SOURCE_RETRY_COUNT=0, SOURCE_HEARTBEAT_PERIOD=1, SOURCE_AUTO_POSITION=1, \
                 GET_SOURCE_PUBLIC_KEY=1"
            ),
        }
    }
}

/// The folder above the one with the server's program, where its other files are.
pub(super) fn base_folder(program: &Path) -> PathBuf {
    program.parent().and_then(Path::parent).unwrap_or(Path::new("/")).to_owned()
}
