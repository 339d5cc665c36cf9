//! How far a replica is behind: in log that it has not replayed, and in time.

use std::time::Duration;

use super::role;
use super::session::{Session, answer_in_time};
use crate::engine::{EngineError, Lag, Site};

/// The primary is asked first, so what it writes in between can only make the lag look larger.
const POSITION_OF_PRIMARY: &str = "SELECT pg_current_wal_lsn()::text";

/// Both servers read the same clock, so the age of a commit can be taken on the replica. One that
/// has replayed no commit yet is behind by the time that it runs, at most.
const BEHIND: &str = "SELECT \
    greatest(pg_wal_lsn_diff($1::text::pg_lsn, pg_last_wal_replay_lsn()), 0)::float8, \
    extract(epoch FROM clock_timestamp() - \
        coalesce(pg_last_xact_replay_timestamp(), pg_postmaster_start_time()))::float8, \
    EXISTS (SELECT FROM pg_stat_wal_receiver WHERE status = 'streaming')";

/// The lag of a replica; `None` for a primary.
pub(crate) async fn lag(site: &Site) -> Result<Option<Lag>, EngineError> {
    if !role::is_standby(site) {
        return Ok(None);
    }
    let Some(upstream) = role::upstream(site)? else { return Ok(None) };
    let primary = Session::open_at(site, &upstream.host, upstream.port).await?;
    let replica = Session::open(site).await?;
    let position = answer_in_time(site, primary.client.query_one(POSITION_OF_PRIMARY, &[])).await?;
    let position: &str = position.get(0);
    let row = answer_in_time(site, replica.client.query_one(BEHIND, &[&position])).await?;
    let (bytes, age_s, streaming): (f64, f64, bool) = (row.get(0), row.get(1), row.get(2));
    let replay =
        if bytes == 0.0 { Duration::ZERO } else { Duration::from_secs_f64(age_s.max(0.0)) };
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "whole and positive"
    )]
    Ok(Some(Lag { bytes: bytes as u64, replay, streaming }))
}
