//! A session with PostgreSQL.

use tokio::task::JoinSet;
use tokio_postgres::{Client, Error, NoTls, SimpleQueryMessage};

use super::link::LinkError;

#[derive(Debug)]
pub(crate) struct PostgresLink {
    client: Client,
    _connection: JoinSet<()>,
}

impl PostgresLink {
    pub(super) async fn open(url: &str) -> Result<Self, LinkError> {
        let (client, connection) = tokio_postgres::connect(url, NoTls).await.map_err(told)?;
        let mut tasks = JoinSet::new();
        tasks.spawn(async move { drop(connection.await) });
        Ok(Self { client, _connection: tasks })
    }

    pub(super) fn is_closed(&self) -> bool {
        self.client.is_closed()
    }

    /// One round trip, as a transaction of its own.
    pub(super) async fn execute(&self, statement: &str) -> Result<(), LinkError> {
        self.client.batch_execute(statement).await.map_err(told)
    }

    pub(super) async fn texts(&self, query: &str) -> Result<Vec<String>, LinkError> {
        let messages = self.client.simple_query(query).await.map_err(told)?;
        let text = |message: SimpleQueryMessage| {
            let SimpleQueryMessage::Row(row) = message else { return None };
            row.get(0).map(str::to_owned)
        };
        Ok(messages.into_iter().filter_map(text).collect())
    }

    pub(super) async fn pairs(&self, query: &str) -> Result<Vec<(i64, i64)>, LinkError> {
        let messages = self.client.simple_query(query).await.map_err(told)?;
        let number = |text: Option<&str>| text.and_then(|text| text.parse().ok());
        let pair = |message: SimpleQueryMessage| {
            let SimpleQueryMessage::Row(row) = message else { return None };
            Some((number(row.get(0))?, number(row.get(1))?))
        };
        Ok(messages.into_iter().filter_map(pair).collect())
    }
}

fn told(error: Error) -> LinkError {
    let Some(code) = error.code() else {
        let is_closed = error.is_closed();
        return LinkError::broken(if is_closed { "closed" } else { "broken" });
    };
    // What a server says before it ends a session is of class 57; of others the session survives.
    let is_refusal = !code.code().starts_with("57");
    LinkError { is_refusal, why: format!("SQLSTATE {}", code.code()) }
}
