//! Looks at the servers all the time: who is a replica, how far it has come, and whether the
//! primary takes a heartbeat. After a failover they tell by themselves who they are now.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use standfast_tactics::deadline::Deadline;
use standfast_tactics::replica_router::{Change, Look};
use standfast_tactics::session_token::LogPosition;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};
use tokio_postgres::types::PgLsn;

use super::super::primary::{PrimarySession, Transaction, perform};
use super::desk::{Desk, now_ms};
use crate::service::guarded::cache::CALL_BUDGET;
use crate::service::sessions::{DatabaseError, PostgresSession};

/// How often the primary takes a heartbeat: the grain in which lag is known.
pub(super) const BEAT_PERIOD: Duration = Duration::from_millis(50);

/// A heartbeat that no replica has confirmed by then has failed.
const BEAT_TIME_MAX: Duration = Duration::from_millis(500);

/// How often a server is looked at: a read waits 50 ms for one that is nearly there.
const LOOK_PERIOD: Duration = Duration::from_millis(20);

/// How often one that does not answer is, and what it may take.
const LOOK_AGAIN: Duration = Duration::from_millis(100);
const LOOK_TIME_MAX: Duration = Duration::from_millis(250);

/// How often the cache is asked; writes that it does not know of are told with it.
const CACHE_PERIOD: Duration = Duration::from_millis(200);
const CACHE_AGAIN: Duration = Duration::from_millis(40);

/// Some ten minutes between two clean-ups of old idempotency keys.
const BEATS_BETWEEN_CLEANUPS: i64 = 12_000;

const BEAT: &str = "INSERT INTO heartbeats VALUES ($1, $2) \
                    ON CONFLICT (writer) DO UPDATE SET beat = excluded.beat";
/// Keys outlive every sensible retry by far.
const FORGET_KEYS: &str =
    "DELETE FROM idempotency_keys WHERE created_at < now() - interval '24 hours'";
const LOOK: &str = "SELECT pg_is_in_recovery(), \
                    CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() END, \
                    (SELECT beat FROM heartbeats WHERE writer = $1)";

/// Watches everything until the set is dropped.
pub(super) fn start(desk: &Arc<Desk>) -> JoinSet<()> {
    let mut watches = JoinSet::new();
    let keeper = Arc::clone(desk);
    watches.spawn(async move { keeper.primary.keep().await });
    watches.spawn(beat(Arc::clone(desk)));
    watches.spawn(watch_cache(Arc::clone(desk)));
    for server in 0..desk.servers.len() {
        watches.spawn(look(Arc::clone(desk), server));
    }
    watches
}

struct Beat<'a> {
    writer: &'a str,
    beat: i64,
}

impl Transaction for Beat<'_> {
    type Answer = ();
    const BEGIN: &'static str = "BEGIN";

    async fn run(&self, session: &mut PrimarySession) -> Result<(), DatabaseError> {
        session.rows(BEAT, &[&self.writer, &self.beat]).await?;
        if self.beat % BEATS_BETWEEN_CLEANUPS == 0 {
            session.rows(FORGET_KEYS, &[]).await?;
        }
        Ok(())
    }
}

async fn beat(desk: Arc<Desk>) {
    // Beats of this run are higher than those of any before.
    let mut beat = i64::try_from(now_ms()).unwrap_or(i64::MAX / 2);
    let mut is_well = false;
    loop {
        beat += 1;
        let sent = Instant::now();
        // Counted from when it was sent, whether it comes through or not: what the primary may do
        // while this process cannot reach it is missing at the replicas all the same.
        if desk.has_beaten() {
            tell(&desk, beat, sent, is_well);
        }
        let deadline = Deadline::after(sent, BEAT_TIME_MAX);
        let transaction = Beat { writer: &desk.settings.name, beat };
        let mut work = pin!(perform(&desk.primary, &transaction, deadline));
        let performed = loop {
            match timeout(BEAT_PERIOD, work.as_mut()).await {
                Ok(performed) => break performed,
                // A replica may show this beat before anybody says so, and lack what others do now.
                Err(_) if desk.has_beaten() => {
                    beat += 1;
                    tell(&desk, beat, Instant::now(), is_well);
                }
                Err(_) => {}
            }
        };
        is_well = match performed {
            Ok(committed) => {
                desk.cache.pending.resolve_unknown(committed.until);
                true
            }
            Err(_) => false,
        };
        if is_well || desk.has_beaten() {
            tell(&desk, beat, sent, is_well);
        }
        if is_well {
            desk.beats();
        }
        sleep((sent + BEAT_PERIOD).saturating_duration_since(Instant::now())).await;
    }
}

fn tell(desk: &Desk, beat: i64, sent: Instant, is_well: bool) {
    desk.router.with(|router| {
        router.acknowledged(beat.unsigned_abs(), sent);
        if !is_well {
            router.primary_away();
        }
    });
}

/// What a look found.
enum Found {
    Primary,
    Replica(Look),
}

async fn look(desk: Arc<Desk>, server: usize) {
    let name = &desk.servers[server].name;
    let mut session = None;
    loop {
        let began = Instant::now();
        let looked = timeout(LOOK_TIME_MAX, look_once(&desk, server, &mut session)).await;
        let change = match looked {
            Ok(Ok(Found::Replica(look))) => {
                let change = desk.router.looked(server, look);
                desk.note_replica(server, true);
                change
            }
            Ok(Ok(Found::Primary)) => {
                if desk.note_replica(server, false) {
                    tracing::info!(server = name, "it is the primary now");
                }
                // Whatever it showed as a replica does not count when it is one again.
                desk.router.with(|router| router.replaced(server));
                None
            }
            Ok(Err(_)) | Err(_) => {
                session = None;
                desk.router.with(|router| router.look_failed(server))
            }
        };
        match change {
            Some(Change::Evicted(why)) => {
                tracing::info!(server = name, ?why, "it is no longer read");
            }
            Some(Change::Returned) => tracing::info!(server = name, "it is read"),
            None => {}
        }
        let period = if session.is_some() { LOOK_PERIOD } else { LOOK_AGAIN };
        sleep((began + period).saturating_duration_since(Instant::now())).await;
    }
}

async fn look_once(
    desk: &Desk,
    server: usize,
    kept: &mut Option<PostgresSession>,
) -> Result<Found, DatabaseError> {
    // Taken out: one whose look is cut off is of no more use.
    let mut session = match kept.take() {
        Some(session) => session,
        None => desk.servers[server].session().await?,
    };
    let rows = session.rows(LOOK, &[&desk.settings.name]).await?;
    let row = rows.first().ok_or_else(|| DatabaseError::Refused("no answer".to_owned()))?;
    let found = if row.try_get(0)? {
        let shows: Option<PgLsn> = row.try_get(1)?;
        let shows = LogPosition::from_bytes(shows.map_or(0, Into::into));
        let beat = row.try_get::<_, Option<i64>>(2)?.map(i64::unsigned_abs);
        Found::Replica(Look { shows, beat })
    } else {
        Found::Primary
    };
    *kept = Some(session);
    Ok(found)
}

async fn watch_cache(desk: Arc<Desk>) {
    let cache = &desk.cache;
    loop {
        let deadline = Deadline::after(Instant::now(), CALL_BUDGET);
        let is_well = match cache.dependency.probe() {
            Ok(permit) => cache.watch(permit, deadline).await,
            Err(_) => false,
        };
        cache.dependency.looked_at();
        if is_well {
            // A connection that is lost is made anew at once; else the time passes, no more.
            drop(timeout(CACHE_PERIOD, cache.lost.notified()).await);
        } else {
            sleep(CACHE_AGAIN).await;
        }
    }
}
