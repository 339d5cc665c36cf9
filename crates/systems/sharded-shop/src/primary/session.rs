//! Sessions with whichever server takes writes.
//!
//! Behind a proxy that is one address. Where there are several, all are asked at once: one that is
//! cut off and does not answer must not hide the others.

use std::sync::Arc;

use tokio::task::JoinSet;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Config, Row};

use crate::serve::ServeError;
use crate::service::database::CONNECT_TIME_MAX;
use crate::service::environment::Environment;
use crate::service::sessions::{DatabaseError, PostgresSession, Session};

/// Ends a transaction. The message is a change, so that the commit waits for a replica even if
/// nothing else was changed.
const ROUND: &str = "SELECT pg_logical_emit_message(true, 'round', ''); COMMIT";

/// A session with the primary.
#[derive(Debug)]
pub(in super::super) struct PrimarySession {
    session: PostgresSession,
}

/// The servers that `POSTGRES_URL` names: one, or several with commas between them.
pub(in super::super) fn addresses(
    environment: &Environment<'_>,
    application: &str,
) -> Result<Arc<[Config]>, ServeError> {
    environment.required_by("POSTGRES_URL", |urls| {
        urls.split(',').map(|url| address(url.trim(), application)).collect()
    })
}

/// A server by its URL, as `application` uses it.
pub(in super::super) fn address(
    url: &str,
    application: &str,
) -> Result<Config, tokio_postgres::Error> {
    let mut address: Config = url.parse()?;
    address.connect_timeout(CONNECT_TIME_MAX).application_name(application);
    Ok(address)
}

impl PrimarySession {
    /// The rows that `sql` answers.
    pub(in super::super) async fn rows(
        &mut self,
        sql: &'static str,
        parameters: &[&(dyn ToSql + Sync)],
    ) -> Result<Vec<Row>, DatabaseError> {
        self.session.rows(sql, parameters).await
    }

    /// Commits, and waits until a replica has what was seen and done.
    pub(super) async fn commit(&mut self) -> Result<(), DatabaseError> {
        self.session.run(ROUND).await
    }

    async fn at(address: Config) -> Result<Self, DatabaseError> {
        let mut session = PostgresSession::open(&address).await?;
        session.probe().await?;
        Ok(Self { session })
    }
}

impl Session for PrimarySession {
    type Address = Arc<[Config]>;

    async fn open(addresses: &Self::Address) -> Result<Self, DatabaseError> {
        if let [only] = addresses.as_ref() {
            return Self::at(only.clone()).await;
        }
        let mut tries: JoinSet<_> = addresses.iter().cloned().map(Self::at).collect();
        let mut reason = DatabaseError::Away("no server was named".to_owned());
        while let Some(tried) = tries.join_next().await {
            match tried {
                Ok(Ok(session)) => return Ok(session),
                Ok(Err(error)) => reason = error,
                Err(panic) => reason = DatabaseError::Away(panic.to_string()),
            }
        }
        Err(reason)
    }

    fn is_closed(&self) -> bool {
        self.session.is_closed()
    }

    /// A primary that reaches no replica is none: nothing that it would do could be acknowledged.
    async fn probe(&mut self) -> Result<(), DatabaseError> {
        self.session.probe().await?;
        self.session.run("BEGIN").await?;
        self.commit().await
    }

    async fn run(&mut self, sql: &'static str) -> Result<(), DatabaseError> {
        self.session.run(sql).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_address_or_several_are_read_and_a_wrong_one_is_not_shown() {
        let of = |urls: &str| {
            addresses(&Environment::of(&[("POSTGRES_URL", urls)]), "orders-1")
                .map_err(|error| error.to_string())
        };
        let url = |port| format!("postgresql://shop:secret@127.0.0.1:{port}/shop");
        assert_eq!(of(&url(6432)).unwrap().len(), 1);
        let several = of(&format!("{},{}", url(5432), url(5433))).unwrap();
        assert_eq!(several[1].get_ports(), [5433]);
        assert_eq!(several[1].get_application_name(), Some("orders-1"));
        let error = of(&format!("{},secret@:", url(5432))).unwrap_err();
        assert!(error.contains("`POSTGRES_URL`") && !error.contains("secret"), "{error}");
    }
}
