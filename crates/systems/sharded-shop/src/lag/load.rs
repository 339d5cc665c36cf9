//! The load: rows that are written to the primary, one by one or many at once, and read from the
//! replicas in turn.

use std::sync::atomic::{AtomicUsize, Ordering};

use deadpool_postgres::{Manager, ManagerConfig, Pool, RecyclingMethod};
use standfast_tactics::deadline::Deadline;
use tokio::time::timeout_at;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Config, NoTls};

use super::observed::{Observed, Served};
use super::settings::Settings;
use crate::service::answer::out_of_time;
use crate::service::database::away;
use crate::service::problem::Problem;

/// Connections to each server.
const POOL_MAX: usize = 16;

/// Some half a kilobyte each, as an order with its lines has.
const WRITE: &str = "INSERT INTO lag_rows (body) \
     SELECT repeat(md5($1::int8::text || '-' || n::text), 12) FROM generate_series(1, $2::int4) n";
const READ: &str = "SELECT id, length(body) FROM lag_rows ORDER BY id DESC LIMIT 1";

pub(super) struct Load {
    primary: Pool,
    /// In the order of the nodes.
    nodes: Vec<Pool>,
    next: AtomicUsize,
}

impl Load {
    pub(super) fn new(settings: &Settings) -> Self {
        Self {
            primary: pool(&settings.primary),
            nodes: settings.nodes.iter().map(|node| pool(&node.reads)).collect(),
            next: AtomicUsize::new(0),
        }
    }

    /// Writes so many rows in one transaction.
    pub(super) async fn write(
        &self,
        observed: &Observed,
        rows: i32,
        deadline: Deadline,
    ) -> Result<(), Problem> {
        observed.served(Served::default());
        let salt = i64::try_from(self.next.fetch_add(1, Ordering::Relaxed)).unwrap_or_default();
        run(&self.primary, WRITE, &[&salt, &rows], deadline).await?;
        let rows = u64::try_from(rows).unwrap_or_default();
        observed.served(Served { writes: 1, rows, reads: 0 });
        Ok(())
    }

    /// Reads the newest row that a replica has; answers the replica's name.
    pub(super) async fn read<'o>(
        &self,
        observed: &'o Observed,
        deadline: Deadline,
    ) -> Result<&'o str, Problem> {
        let replicas: Vec<usize> = {
            let seen = observed.seen();
            let nodes = seen.markers.nodes.iter().enumerate();
            nodes.filter(|(_, node)| node.is_replica).map(|(index, _)| index).collect()
        };
        let turn = self.next.fetch_add(1, Ordering::Relaxed);
        let node = turn.checked_rem(replicas.len()).map(|turn| replicas[turn]);
        let node = node.ok_or_else(|| away("no replica answers"))?;
        run(&self.nodes[node], READ, &[], deadline).await?;
        observed.served(Served { reads: 1, ..Served::default() });
        Ok(&observed.nodes[node])
    }
}

fn pool(address: &Config) -> Pool {
    let recycling = ManagerConfig { recycling_method: RecyclingMethod::Fast };
    Pool::builder(Manager::from_config(address.clone(), NoTls, recycling))
        .max_size(POOL_MAX)
        .build()
        .expect("a pool without timeouts of its own needs no runtime")
}

async fn run(
    pool: &Pool,
    statement: &str,
    parameters: &[&(dyn ToSql + Sync)],
    deadline: Deadline,
) -> Result<(), Problem> {
    let ran = async {
        let object = pool.get().await.map_err(|error| away(&error.to_string()))?;
        let failed = |error: tokio_postgres::Error| away(&error.to_string());
        let prepared = object.prepare_cached(statement).await.map_err(failed)?;
        object.query(&prepared, parameters).await.map_err(failed)?;
        Ok(())
    };
    timeout_at(deadline.instant(), ran).await.unwrap_or_else(|_| Err(out_of_time()))
}
