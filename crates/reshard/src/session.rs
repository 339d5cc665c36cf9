//! One connection to a server: statements in, text out, and an error that names the server.

use std::time::Duration;

use tokio::task::JoinSet;
use tokio_postgres::error::SqlState;
use tokio_postgres::{Client, Config, NoTls, SimpleQueryMessage};

/// By which our sessions are told from those of clients.
const APPLICATION_NAME: &str = "standfast-reshard";
/// A server that does not take a connection in this time is not there.
const CONNECT_WITHIN: Duration = Duration::from_secs(5);

/// What is written must be on disk when it is answered, and rows must be the same text everywhere.
const SETTINGS: &str = "\
SET synchronous_commit = on; SET search_path = ''; SET datestyle = ISO;
SET intervalstyle = postgres; SET timezone = 'UTC'; SET extra_float_digits = 3;
SET bytea_output = hex";

/// Something that a server did not do.
#[derive(Debug, thiserror::Error)]
pub enum SqlError {
    #[error("`{server}` cannot be reached")]
    Unreachable {
        server: String,
        #[source]
        source: tokio_postgres::Error,
    },
    #[error("`{server}` takes no connection within {CONNECT_WITHIN:?}")]
    Silent { server: String },
    #[error("`{server}` refuses `{statement}`: {message}")]
    Refused { server: String, statement: String, message: String, code: SqlState },
    #[error("the session to `{server}` has ended in `{statement}`")]
    Ended { server: String, statement: String },
    #[error("`{server}` takes no orders of coordinator {fence} any more: there is a newer one")]
    Fenced { server: String, fence: u64 },
    #[error("`{server}` answers what was not asked: {answer}")]
    Odd { server: String, answer: String },
    #[error("{0}")]
    Unfit(String),
}

/// The error with what caused it, in one line.
pub fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let further = error.to_string();
        if !text.contains(&further) {
            text = format!("{text}: {further}");
        }
        cause = error.source();
    }
    text
}

/// A session, closed when it is dropped: then the server takes back what was not committed.
#[derive(Debug)]
pub(crate) struct Session {
    client: Client,
    server: String,
    _connection: JoinSet<()>,
}

/// The rows of an answer, as text.
pub(crate) type Rows = Vec<Vec<Option<String>>>;

impl Session {
    pub(crate) async fn open(server: &str, config: &Config) -> Result<Self, SqlError> {
        let mut config = config.clone();
        config.application_name(APPLICATION_NAME);
        let connected = tokio::time::timeout(CONNECT_WITHIN, config.connect(NoTls)).await;
        let (client, connection) = connected
            .map_err(|_elapsed| SqlError::Silent { server: server.to_owned() })?
            .map_err(|source| SqlError::Unreachable { server: server.to_owned(), source })?;
        let mut task = JoinSet::new();
        task.spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "a session ended");
            }
        });
        let session = Self { client, server: server.to_owned(), _connection: task };
        session.run(SETTINGS).await?;
        Ok(session)
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.client.is_closed()
    }

    /// All rows of all statements in `statement`.
    pub(crate) async fn rows(&self, statement: &str) -> Result<Rows, SqlError> {
        let answered = self.client.simple_query(statement).await;
        let messages = answered.map_err(|error| self.error(statement, &error))?;
        let row = |message: &SimpleQueryMessage| {
            let SimpleQueryMessage::Row(row) = message else { return None };
            Some((0..row.len()).map(|column| row.get(column).map(str::to_owned)).collect())
        };
        Ok(messages.iter().filter_map(row).collect())
    }

    /// The first column of the first row.
    pub(crate) async fn value(&self, statement: &str) -> Result<Option<String>, SqlError> {
        Ok(self.rows(statement).await?.into_iter().next().and_then(|row| row.into_iter().next()?))
    }

    pub(crate) async fn number(&self, statement: &str) -> Result<u64, SqlError> {
        let value = self.value(statement).await?;
        let number = value.as_deref().and_then(|value| value.parse().ok());
        number.ok_or_else(|| self.odd(format!("{value:?} for `{}`", brief(statement))))
    }

    pub(crate) async fn run(&self, statement: &str) -> Result<(), SqlError> {
        self.rows(statement).await.map(drop)
    }

    /// `statements` in one transaction, or none of them.
    pub(crate) async fn transaction(&self, statements: &str) -> Result<Rows, SqlError> {
        let answered = self.rows(&format!("BEGIN; {statements}; COMMIT")).await;
        if answered.is_err() && !self.is_closed() {
            self.run("ROLLBACK").await?;
        }
        answered
    }

    pub(crate) fn odd(&self, answer: String) -> SqlError {
        SqlError::Odd { server: self.server.clone(), answer }
    }

    fn error(&self, statement: &str, error: &tokio_postgres::Error) -> SqlError {
        let (server, statement) = (self.server.clone(), brief(statement));
        match error.as_db_error() {
            Some(answer) => {
                let message = answer.message().to_owned();
                SqlError::Refused { server, statement, message, code: answer.code().clone() }
            }
            None => SqlError::Ended { server, statement },
        }
    }
}

impl SqlError {
    /// The server's code, when it answered.
    pub(crate) fn code(&self) -> Option<&str> {
        if let Self::Refused { code, .. } = self { Some(code.code()) } else { None }
    }

    /// Is the server away?
    pub(crate) fn is_of_absence(&self) -> bool {
        matches!(self, Self::Unreachable { .. } | Self::Silent { .. } | Self::Ended { .. })
    }

    /// Did it take longer than it may?
    pub(crate) fn is_timeout(&self) -> bool {
        // query_canceled, lock_not_available, idle_in_transaction_session_timeout, deadlock
        matches!(self.code(), Some("57014" | "55P03" | "25P03" | "40P01"))
    }
}

/// `text` as a literal in SQL.
pub(crate) fn quoted(text: &str) -> String {
    let escaped = text.replace('\\', r"\\").replace('\'', "''");
    format!("E'{escaped}'")
}

/// Enough of a statement to find it again, and no password: those stand far behind. What every
/// change begins with says nothing.
fn brief(statement: &str) -> String {
    const USUAL: [&str; 4] = ["BEGIN", "SET ", "SELECT 1", "COMMIT"];
    let mut parts = statement.split(';').map(str::trim);
    let telling = parts.find(|part| !USUAL.iter().any(|usual| part.starts_with(usual)));
    let mut words =
        telling.unwrap_or(statement).split_whitespace().take(6).collect::<Vec<_>>().join(" ");
    words.truncate(words.floor_char_boundary(80));
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_statement_is_known_by_what_it_does() {
        let change = "BEGIN; SELECT 1 / count(*) FROM (SELECT FROM reshard.fence) f; \
                      DROP PUBLICATION IF EXISTS reshard_7_forward; COMMIT";
        assert_eq!(brief(change), "DROP PUBLICATION IF EXISTS reshard_7_forward");
        assert_eq!(brief("SELECT 1; COMMIT"), "SELECT 1; COMMIT");
    }
}
