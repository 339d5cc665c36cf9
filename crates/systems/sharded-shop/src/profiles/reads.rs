//! Reads: a copy, a replica or the primary, whichever may answer as recent as it has to be.
//!
//! A copy is judged like a replica: it shows what was there at one moment, and knows which. So
//! where a write could not be told to the cache, a copy is still no older than its reader allows.

use std::time::Duration;

use bytes::Bytes;
use standfast_tactics::cache_aside::Freshness;
use standfast_tactics::deadline::Deadline;
use standfast_tactics::replica_router::{Demand, Pass, Shown, Target, Wish};
use standfast_tactics::session_token::LogPosition;
use tokio::time::{Instant, timeout_at};
use tokio_postgres::types::PgLsn;
use uuid::Uuid;

use super::super::primary::{PrimarySession, Transaction, perform};
use super::desk::{Desk, now_ms};
use super::rows::{CREDENTIALS, Credentials, PUBLIC, PublicView};
use super::watch::BEAT_PERIOD;
use crate::service::guarded::cache::{CALL_BUDGET, Keys};
use crate::service::guarded::entry::Entry;
use crate::service::problem::Problem;
use crate::service::sessions::{DatabaseError, PostgresSession, away};

const REPLAYED: &str = "SELECT coalesce(pg_last_wal_replay_lsn(), '0/0')";

/// How often another server is asked, when one failed or showed too little.
const ROUTES_MAX: usize = 3;

/// In front of a copy's bytes stands how far the log was when it had been read.
const MARK_LENGTH: usize = 8;

/// Where an answer came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Source {
    Cache,
    Replica,
    Primary,
}

impl Source {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Cache => "cache",
            Self::Replica => "replica",
            Self::Primary => "primary",
        }
    }
}

/// An answer to a read.
#[derive(Clone, Debug)]
pub(super) struct Answer {
    /// JSON, and its version; nothing if there is no such profile.
    pub(super) found: Option<(Bytes, u32)>,
    pub(super) source: Source,
    pub(super) shown: Shown,
    /// All that was acknowledged this long ago is in it.
    pub(super) age: Duration,
}

struct ReadPublic(Uuid);

impl Transaction for ReadPublic {
    type Answer = Option<(Bytes, u32)>;
    const BEGIN: &'static str = "BEGIN";

    async fn run(&self, session: &mut PrimarySession) -> Result<Self::Answer, DatabaseError> {
        let rows = session.rows(PUBLIC, &[&self.0]).await?;
        rows.first().map(public).transpose()
    }
}

struct ReadCredentials(Uuid);

impl Transaction for ReadCredentials {
    type Answer = Option<Credentials>;
    const BEGIN: &'static str = "BEGIN";

    async fn run(&self, session: &mut PrimarySession) -> Result<Self::Answer, DatabaseError> {
        let rows = session.rows(CREDENTIALS, &[&self.0]).await?;
        Ok(rows.first().map(Credentials::of_row).transpose()?)
    }
}

/// The names of a copy, and of the position of the last write to what it shows.
pub(super) fn keys(id: Uuid) -> Keys {
    Keys { copy: format!("profile:{id}"), written: format!("written:{id}") }
}

impl Desk {
    /// What others see of a profile, for a session that has seen `floor`.
    pub(super) async fn read(
        &self,
        id: Uuid,
        wish: Wish,
        deadline: Deadline,
    ) -> Result<Answer, Problem> {
        if wish.demand == Demand::Strong {
            return self.read_primary(id, deadline).await;
        }
        let keys = keys(id);
        let (copy, written) = self.look(&keys, deadline).await;
        if let Some(answer) = copy.and_then(|entry| self.usable(&entry, wish, written)) {
            return Ok(answer);
        }
        // What the cache knows to be written must be in the answer, or the copy that is made of it
        // would be of no use to anybody.
        let floor = wish.floor.max(written);
        let answer = match self.settings.tactics.replica_router {
            true => self.route(id, Wish { floor, ..wish }, deadline).await?,
            false => self.read_any(id, deadline).await?,
        };
        self.keep(&keys, &answer).await;
        Ok(answer)
    }

    /// What identifies somebody, as it is.
    pub(super) async fn credentials(
        &self,
        id: Uuid,
        deadline: Deadline,
    ) -> Result<(Option<Credentials>, Shown), Problem> {
        // Without the tactic every read is one of some replica.
        if !self.settings.tactics.replica_router {
            let mut reader = self.reader(deadline).await?;
            let rows = reader.session.rows(CREDENTIALS, &[&id]).await;
            let rows = rows.map_err(|error| away(&error.to_string()))?;
            let found = rows.first().map(Credentials::of_row).transpose();
            let found = found.map_err(|error| away(&error.to_string()))?;
            self.servers[reader.server].give_back(reader.session);
            return Ok((found, Shown::exactly(LogPosition::START)));
        }
        let committed = perform(&self.primary, &ReadCredentials(id), deadline).await?;
        let shown = Shown { at_least: committed.since, at_most: committed.until };
        Ok((committed.answer, shown))
    }

    async fn look(&self, keys: &Keys, deadline: Deadline) -> (Option<Entry>, LogPosition) {
        let floor = self.cache.pending.floor();
        match self.cache.find(keys, deadline).await {
            Ok(found) => (found.entry, found.written.max(floor)),
            Err(_) => (None, floor),
        }
    }

    /// The copy as an answer, if it may be used.
    fn usable(&self, entry: &Entry, wish: Wish, written: LogPosition) -> Option<Answer> {
        let age = entry.age(now_ms());
        let freshness = self.settings.freshness.judge(&entry.copy(now_ms()), &written);
        let is_recent = match wish.demand {
            Demand::MaxLag(lag_max) => age <= lag_max,
            Demand::AtLeast(_) | Demand::Any => true,
            Demand::Strong => false,
        };
        // Without the router nobody asks what a session has seen.
        let is_routed = self.settings.tactics.replica_router;
        let has_seen = !is_routed || entry.position >= wish.required();
        if freshness != Freshness::Fresh || !is_recent || !has_seen {
            return None;
        }
        let mark = entry.tail.first_chunk::<MARK_LENGTH>()?;
        let at_most = LogPosition::from_bytes(u64::from_be_bytes(*mark));
        Some(Answer {
            found: Some((entry.tail.slice(MARK_LENGTH..), entry.version)),
            source: Source::Cache,
            shown: Shown { at_least: entry.position, at_most },
            age,
        })
    }

    /// Asks whom the router names, and another one if that fails.
    async fn route(&self, id: Uuid, wish: Wish, deadline: Deadline) -> Result<Answer, Problem> {
        // How far behind replicas are nobody knows before the primary has taken a heartbeat.
        if matches!(wish.demand, Demand::MaxLag(_)) && !self.has_beaten() {
            return Err(away("it is not known yet how far behind the replicas are"));
        }
        let mut problem = away("no server could answer");
        for _ in 0..ROUTES_MAX {
            let pass = match self.router.enter(wish).await {
                Ok(pass) => pass,
                Err(refusal) => {
                    self.metrics.refusals.inc();
                    return Err(away(&refusal.to_string()));
                }
            };
            match pass.target() {
                Target::Primary => {
                    self.metrics.fallbacks.inc();
                    return self.read_primary(id, deadline).await;
                }
                Target::Replica(server) => match self.ask(server, pass, id, deadline).await {
                    Ok(answer) => return Ok(answer),
                    Err(other) => problem = other,
                },
            }
        }
        Err(problem)
    }

    async fn ask(
        &self,
        server: usize,
        pass: Pass,
        id: Uuid,
        deadline: Deadline,
    ) -> Result<Answer, Problem> {
        let asked = Instant::now();
        let read = self.read_replica(server, id);
        let (found, shown) = match timeout_at(deadline.instant(), read).await {
            Ok(Ok(read)) => read,
            Ok(Err(error)) => {
                pass.failed();
                return Err(away(&error.to_string()));
            }
            Err(_) => {
                pass.failed();
                return Err(away("the replica did not answer in time"));
            }
        };
        if let Err(short) = pass.answered(shown) {
            self.metrics.short.inc();
            return Err(away(&short.to_string()));
        }
        // The heartbeats of a moment, and those that it does not show, are not in it for sure.
        let behind = self.router.with(|router| router.lag(server, asked)) + BEAT_PERIOD;
        Ok(Answer { found, source: Source::Replica, shown, age: behind + asked.elapsed() })
    }

    async fn read_replica(
        &self,
        server: usize,
        id: Uuid,
    ) -> Result<(Option<(Bytes, u32)>, Shown), DatabaseError> {
        let server = &self.servers[server];
        let mut session = server.session().await?;
        let at_least = replayed(&mut session).await?;
        let rows = session.rows(PUBLIC, &[&id]).await?;
        let at_most = replayed(&mut session).await?;
        server.give_back(session);
        let found = rows.first().map(public).transpose()?;
        Ok((found, Shown { at_least, at_most }))
    }

    async fn read_primary(&self, id: Uuid, deadline: Deadline) -> Result<Answer, Problem> {
        let committed = perform(&self.primary, &ReadPublic(id), deadline).await?;
        let shown = Shown { at_least: committed.since, at_most: committed.until };
        let (found, source) = (committed.answer, Source::Primary);
        Ok(Answer { found, source, shown, age: Duration::ZERO })
    }

    /// The control: whichever replica has its turn, and its answer is taken for a recent one.
    async fn read_any(&self, id: Uuid, deadline: Deadline) -> Result<Answer, Problem> {
        let reader = self.reader(deadline).await?;
        let server = reader.server;
        self.servers[server].give_back(reader.session);
        let read = timeout_at(deadline.instant(), self.read_replica(server, id)).await;
        let read = read.map_err(|_| away("the replica did not answer in time"))?;
        let (found, shown) = read.map_err(|error| away(&error.to_string()))?;
        Ok(Answer { found, source: Source::Replica, shown, age: Duration::ZERO })
    }

    async fn reader(&self, deadline: Deadline) -> Result<Reader, Problem> {
        let server = self.any_replica().ok_or_else(|| away("there is no replica"))?;
        let session = timeout_at(deadline.instant(), self.servers[server].session()).await;
        let session = session.map_err(|_| away("the replica did not answer in time"))?;
        let session = session.map_err(|error| away(&error.to_string()))?;
        Ok(Reader { server, session })
    }

    /// Puts what was found into the cache. Whether that works changes nothing for the caller, and
    /// one that a write has overtaken is refused there.
    async fn keep(&self, keys: &Keys, answer: &Answer) {
        let Some((json, version)) = &answer.found else { return };
        let age_ms = u64::try_from(answer.age.as_millis()).unwrap_or(u64::MAX);
        let mut tail = answer.shown.at_most.bytes().to_be_bytes().to_vec();
        tail.extend_from_slice(json);
        let entry = Entry {
            fetched_at_ms: now_ms().saturating_sub(age_ms),
            fresh_for: self.fresh_for(),
            position: answer.shown.at_least,
            version: *version,
            tail: tail.into(),
        };
        let deadline = Deadline::after(Instant::now(), CALL_BUDGET);
        let keep_for = self.settings.freshness.keep_for();
        let _ = self.cache.put(keys, &entry, keep_for, deadline).await;
    }
}

/// A session with a replica.
struct Reader {
    server: usize,
    session: PostgresSession,
}

async fn replayed(session: &mut PostgresSession) -> Result<LogPosition, DatabaseError> {
    let rows = session.rows(REPLAYED, &[]).await?;
    let row = rows.first().ok_or_else(|| DatabaseError::Refused("no position".to_owned()))?;
    Ok(LogPosition::from_bytes(row.try_get::<_, PgLsn>(0)?.into()))
}

fn public(row: &tokio_postgres::Row) -> Result<(Bytes, u32), DatabaseError> {
    let view = PublicView::of_row(row)?;
    let json = serde_json::to_vec(&view).expect("a profile is plain");
    Ok((json.into(), view.version.unsigned_abs()))
}
