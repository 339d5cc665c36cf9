//! Sessions whose statements are put together for the shards that are asked.

use tokio::task::JoinHandle;
use tokio_postgres::{Client, Config, NoTls};

use crate::service::sessions::{DatabaseError, Session};

/// A session with the database of the foreign tables.
#[derive(Debug)]
pub(super) struct ReportSession {
    client: Client,
    driver: JoinHandle<()>,
}

impl ReportSession {
    pub(super) fn client(&self) -> &Client {
        &self.client
    }
}

impl Session for ReportSession {
    type Address = Config;

    async fn open(address: &Config) -> Result<Self, DatabaseError> {
        let (client, connection) = address.connect(NoTls).await?;
        let driver = tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "a session ended");
            }
        });
        Ok(Self { client, driver })
    }

    fn is_closed(&self) -> bool {
        self.client.is_closed()
    }

    async fn probe(&mut self) -> Result<(), DatabaseError> {
        self.run("SELECT").await
    }

    async fn run(&mut self, sql: &'static str) -> Result<(), DatabaseError> {
        Ok(self.client.batch_execute(sql).await?)
    }
}

impl Drop for ReportSession {
    fn drop(&mut self) {
        self.driver.abort();
    }
}
