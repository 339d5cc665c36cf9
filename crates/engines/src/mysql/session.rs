//! One connection as superuser, closed when it is dropped.

use std::collections::BTreeMap;
use std::time::Duration;

use mysql_async::prelude::{FromValue, Queryable};
use mysql_async::{Conn, OptsBuilder, Row, Value};

use super::client::ClientLogin;
use crate::engine::{EngineError, Site};

/// Loopback answers at once, or the server hangs.
const ANSWER_WITHIN: Duration = Duration::from_secs(2);

#[derive(Debug)]
pub(super) struct Session {
    connection: Conn,
}

impl Session {
    /// Connects to the site's own server.
    pub(super) async fn open(site: &Site) -> Result<Self, EngineError> {
        Self::open_as(site, &ClientLogin::own(site)).await
    }

    /// Connects to the server on `host`, which has the same roles: the primary, for a replica.
    pub(super) async fn open_at(site: &Site, host: &str, port: u16) -> Result<Self, EngineError> {
        let login = ClientLogin::superuser_at(site, host.to_owned(), port);
        Self::open_as(site, &login).await
    }

    /// Connects as another role.
    pub(super) async fn open_as(site: &Site, login: &ClientLogin<'_>) -> Result<Self, EngineError> {
        let ClientLogin { host, port, role, password } = login;
        let options = OptsBuilder::default()
            .ip_or_hostname(host.as_str())
            .tcp_port(*port)
            .user(Some(*role))
            .pass(Some(*password))
            // What a server says of its socket would lead past a proxy.
            .prefer_socket(false)
            .stmt_cache_size(0);
        let connection = answer_in_time(site, ANSWER_WITHIN, Conn::new(options)).await?;
        Ok(Self { connection })
    }

    /// Executes one statement, which may take two seconds.
    pub(super) async fn run(&mut self, site: &Site, statement: &str) -> Result<(), EngineError> {
        self.run_within(site, ANSWER_WITHIN, statement).await
    }

    pub(super) async fn run_within(
        &mut self,
        site: &Site,
        within: Duration,
        statement: &str,
    ) -> Result<(), EngineError> {
        answer_in_time(site, within, self.connection.query_drop(statement)).await
    }

    /// The first column of every row.
    pub(super) async fn column<T: FromValue + Send + 'static>(
        &mut self,
        site: &Site,
        query: &str,
    ) -> Result<Vec<T>, EngineError> {
        let rows = self.connection.query_map(query, |row: Row| row.get::<T, _>(0));
        let values: Vec<Option<T>> = answer_in_time(site, ANSWER_WITHIN, rows).await?;
        Ok(values.into_iter().flatten().collect())
    }

    /// The first two columns of every row.
    pub(super) async fn pairs<A, B>(
        &mut self,
        site: &Site,
        query: &str,
    ) -> Result<Vec<(A, B)>, EngineError>
    where
        A: FromValue + Send + 'static,
        B: FromValue + Send + 'static,
    {
        let pair = |row: Row| row.get::<A, _>(0).zip(row.get::<B, _>(1));
        let rows = self.connection.query_map(query, pair);
        let pairs = answer_in_time(site, ANSWER_WITHIN, rows).await?;
        Ok(pairs.into_iter().flatten().collect())
    }

    /// The only value of the only row.
    pub(super) async fn value<T: FromValue + Send + 'static>(
        &mut self,
        site: &Site,
        query: &str,
    ) -> Result<T, EngineError> {
        let values = self.column(site, query).await?;
        values.into_iter().next().ok_or_else(|| EngineError::NoAnswer {
            engine: site.name(),
            reason: format!("`{query}` has no result"),
        })
    }

    /// The first row by the names of its columns: what a server tells of its state differs between
    /// versions in order and number.
    pub(super) async fn named(
        &mut self,
        site: &Site,
        query: &str,
    ) -> Result<Option<BTreeMap<String, String>>, EngineError> {
        let row: Option<Row> =
            answer_in_time(site, ANSWER_WITHIN, self.connection.query_first(query)).await?;
        Ok(row.map(|row| {
            let names = row.columns();
            let names = names.iter().map(|column| column.name_str().into_owned());
            names.zip(row.unwrap_raw()).map(|(name, value)| (name, text(value))).collect()
        }))
    }
}

/// What a value of a status looks like.
fn text(value: Option<Value>) -> String {
    match value {
        Some(Value::Bytes(bytes)) => String::from_utf8_lossy(&bytes).into_owned(),
        Some(Value::NULL) | None => String::new(),
        Some(other) => other.as_sql(true),
    }
}

/// Waits for an answer, but not for ever: a frozen server keeps the connection and says nothing.
async fn answer_in_time<T>(
    site: &Site,
    within: Duration,
    answer: impl Future<Output = mysql_async::Result<T>>,
) -> Result<T, EngineError> {
    let reason = match tokio::time::timeout(within, answer).await {
        Ok(Ok(answer)) => return Ok(answer),
        Ok(Err(mysql_async::Error::Server(error))) => error.message,
        Ok(Err(error)) => error.to_string(),
        Err(_elapsed) => format!("silent for {within:?}"),
    };
    Err(EngineError::NoAnswer { engine: site.name(), reason })
}
