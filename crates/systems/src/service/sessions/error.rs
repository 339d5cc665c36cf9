//! Why a database gave no result, sorted by what a caller can do about it.

/// Why there is no result.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DatabaseError {
    /// The connection is of no more use, and others to this server hardly are.
    #[error("the database is away: {0}")]
    Away(String),
    /// The server takes no writes: it is a standby, or is about to become the primary.
    #[error("the database takes no writes: {0}")]
    ReadOnly(String),
    /// The server has rolled back what stood in the way of something else.
    #[error("the database was busy with something else: {0}")]
    Busy(String),
    /// The server is a shard, and does not own what it was asked about (`RS001`).
    #[error("the shard does not own the slot: {0}")]
    Elsewhere(String),
    /// The server lives, and refuses the statement: a mistake of ours.
    #[error("the database refused: {0}")]
    Refused(String),
}

/// MariaDB and MySQL: the server is read-only, by configuration or in this transaction.
const MYSQL_READ_ONLY: &[u16] = &[1290, 1792, 1836, 3100];

/// A deadlock, and a lock that did not come in time.
const MYSQL_BUSY: &[u16] = &[1205, 1213];

/// Shutting down, too many connections, killed.
const MYSQL_AWAY: &[u16] = &[1040, 1053, 1077, 1152, 1158, 1159, 1160, 1161, 1184, 1317, 1927];

impl From<mysql_async::Error> for DatabaseError {
    fn from(error: mysql_async::Error) -> Self {
        let text = error.to_string();
        let mysql_async::Error::Server(server) = error else { return Self::Away(text) };
        match server.code {
            code if MYSQL_READ_ONLY.contains(&code) => Self::ReadOnly(text),
            code if MYSQL_BUSY.contains(&code) => Self::Busy(text),
            code if MYSQL_AWAY.contains(&code) => Self::Away(text),
            _ => Self::Refused(text),
        }
    }
}

impl From<tokio_postgres::Error> for DatabaseError {
    fn from(error: tokio_postgres::Error) -> Self {
        let Some(code) = error.code().map(tokio_postgres::error::SqlState::code) else {
            return Self::Away(error.to_string());
        };
        let message = error.as_db_error().map_or("", |error| error.message());
        let text = format!("{code} {message}");
        match code {
            "25006" => Self::ReadOnly(text),
            "40001" | "40P01" | "55P03" => Self::Busy(text),
            "RS001" => Self::Elsewhere(text),
            // Operator intervention, connection exceptions, too many connections.
            _ if code.starts_with("57") || code.starts_with("08") || code == "53300" => {
                Self::Away(text)
            }
            _ => Self::Refused(text),
        }
    }
}
