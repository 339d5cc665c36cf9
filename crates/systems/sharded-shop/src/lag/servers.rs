//! What the servers say themselves: how far replicas are, who is connected, what runs for long.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval, sleep};

use super::observed::{Observed, Replication};
use super::probe::{AGAIN, Opened, SessionError, told, within};
use super::settings::{Node, Settings};

const REPLICATION: &str = "SELECT application_name::text, sync_state::text, \
     coalesce(pg_wal_lsn_diff(pg_current_wal_lsn(), replay_lsn), 0)::float8, \
     (extract(epoch FROM write_lag) * 1000)::float8, \
     (extract(epoch FROM flush_lag) * 1000)::float8, \
     (extract(epoch FROM replay_lag) * 1000)::float8 \
     FROM pg_stat_replication WHERE NOT pg_is_in_recovery()";
const CONNECTIONS: &str = "SELECT count(*)::float8, \
     count(*) FILTER (WHERE state = 'active')::float8 \
     FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()";
const LONG: &str = "SELECT left(regexp_replace(query, '\\s+', ' ', 'g'), 200), \
     (extract(epoch FROM clock_timestamp() - query_start) * 1000)::float8 \
     FROM pg_stat_activity WHERE state = 'active' AND backend_type = 'client backend' \
     AND pid <> pg_backend_pid() \
     AND clock_timestamp() - query_start >= $1::float8 * interval '1 s'";

/// Asks every server for as long as the set lives.
pub(super) fn start(tasks: &mut JoinSet<()>, settings: &Settings, observed: &Arc<Observed>) {
    for node in settings.nodes.clone() {
        let (every, long, observed) =
            (settings.sample_every, settings.long_query, Arc::clone(observed));
        tasks.spawn(async move {
            loop {
                told("statistics", watch(&node, &observed, (every, long)).await);
                sleep(AGAIN).await;
            }
        });
    }
}

async fn watch(
    node: &Node,
    observed: &Observed,
    (every, long): (Duration, Duration),
) -> Result<(), SessionError> {
    let Opened { client, driver: _driver } = Opened::open(&node.admin).await?;
    let mut ticks = interval(every);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        for row in within(client.query(REPLICATION, &[])).await? {
            let said = Replication {
                sync_state: row.try_get(1)?,
                behind_bytes: row.try_get(2)?,
                write_ms: row.try_get(3)?,
                flush_ms: row.try_get(4)?,
                replay_ms: row.try_get(5)?,
            };
            observed.replication(row.try_get(0)?, said);
        }
        let row = within(client.query_one(CONNECTIONS, &[])).await?;
        observed.connections(&node.name, row.try_get(0)?, row.try_get(1)?);
        for row in within(client.query(LONG, &[&long.as_secs_f64()])).await? {
            observed.long_query(&node.name, row.try_get(0)?, row.try_get(1)?);
        }
    }
}
