//! Sessions with PostgreSQL.

use std::collections::HashMap;

use tokio::task::JoinHandle;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, Config, NoTls, Row, Statement};

use super::{DatabaseError, Session};

/// A session, and the statements that it has prepared.
#[derive(Debug)]
pub(crate) struct PostgresSession {
    client: Client,
    driver: JoinHandle<()>,
    statements: HashMap<&'static str, Statement>,
}

impl PostgresSession {
    /// The rows that `sql` answers.
    pub(crate) async fn rows(
        &mut self,
        sql: &'static str,
        parameters: &[&(dyn ToSql + Sync)],
    ) -> Result<Vec<Row>, DatabaseError> {
        let statement = match self.statements.get(sql) {
            Some(statement) => statement.clone(),
            None => {
                let statement = self.client.prepare(sql).await?;
                self.statements.insert(sql, statement.clone());
                statement
            }
        };
        Ok(self.client.query(&statement, parameters).await?)
    }
}

impl Session for PostgresSession {
    type Address = Config;

    async fn open(address: &Config) -> Result<Self, DatabaseError> {
        let (client, connection) = address.connect(NoTls).await?;
        let driver = tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "a session ended");
            }
        });
        Ok(Self { client, driver, statements: HashMap::new() })
    }

    fn is_closed(&self) -> bool {
        self.client.is_closed()
    }

    async fn probe(&mut self) -> Result<(), DatabaseError> {
        let rows = self.rows("SELECT pg_is_in_recovery()", &[]).await?;
        let is_standby = rows.first().map_or(Ok(true), |row| row.try_get(0))?;
        if is_standby {
            return Err(DatabaseError::ReadOnly("it is a standby".to_owned()));
        }
        Ok(())
    }

    async fn run(&mut self, sql: &'static str) -> Result<(), DatabaseError> {
        Ok(self.client.batch_execute(sql).await?)
    }
}

impl Drop for PostgresSession {
    fn drop(&mut self) {
        self.driver.abort();
    }
}
