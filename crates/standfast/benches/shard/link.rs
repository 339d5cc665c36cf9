//! One connection to a server, with statements that are prepared already.

use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::Result;
use tokio::task::JoinSet;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, Error, NoTls, Statement};

pub(crate) struct Link {
    pub(crate) client: Client,
    statements: Vec<Statement>,
    under_way: AtomicUsize,
    /// Moves its bytes; ends with it.
    _driver: JoinSet<()>,
}

/// Counts a statement as under way until it is dropped.
struct UnderWay<'link>(&'link AtomicUsize);

impl Link {
    pub(crate) async fn open(url: &str, statements: &[&str]) -> Result<Self> {
        let (client, connection) = tokio_postgres::connect(url, NoTls).await?;
        let mut driver = JoinSet::new();
        // How it ended is told to whoever waits for an answer.
        driver.spawn(async { drop(connection.await) });
        let mut prepared = Vec::new();
        for statement in statements {
            prepared.push(client.prepare(statement).await?);
        }
        let under_way = AtomicUsize::new(0);
        Ok(Self { client, statements: prepared, under_way, _driver: driver })
    }

    pub(crate) fn under_way(&self) -> usize {
        self.under_way.load(Ordering::Relaxed)
    }

    /// Runs the n-th prepared statement; answers how many rows it wrote.
    pub(crate) async fn execute(
        &self,
        statement: usize,
        parameters: &[&(dyn ToSql + Sync)],
    ) -> Result<u64, Error> {
        self.under_way.fetch_add(1, Ordering::Relaxed);
        let _under_way = UnderWay(&self.under_way);
        self.client.execute(&self.statements[statement], parameters).await
    }
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
