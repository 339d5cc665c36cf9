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
use tokio::sync::SemaphorePermit;
use tokio::time::{Instant, timeout_at};
use tokio_postgres::types::PgLsn;
use uuid::Uuid;

use super::super::primary::{PrimarySession, Transaction, perform};
use super::desk::{Desk, now_ms};
use super::rows::{CREDENTIALS, Credentials, PUBLIC, PUBLIC_SETTLED, PublicView};
use crate::service::guarded::cache::{CALL_BUDGET, Keys};
use crate::service::guarded::entry::Entry;
use crate::service::problem::Problem;
use crate::service::sessions::{DatabaseError, PostgresSession, away};

/// Of a server that was promoted it would be where its replay ended, however long ago.
const REPLAYED: &str = "SELECT CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() END";

/// How often another server is asked, when one failed or showed too little.
const ROUTES_MAX: usize = 3;

/// A replica that says nothing for this long has failed. A client that waits for less proves
/// nothing.
const SILENT_AFTER: Duration = Duration::from_millis(250);

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
    /// All that was acknowledged this long ago is in it, if anybody knows.
    pub(super) age: Option<Duration>,
}

struct ReadPublic(Uuid);

impl Transaction for ReadPublic {
    type Answer = Option<(Bytes, u32)>;
    const BEGIN: &'static str = "BEGIN";

    async fn run(&self, session: &mut PrimarySession) -> Result<Self::Answer, DatabaseError> {
        let rows = session.rows(PUBLIC_SETTLED, &[&self.0]).await?;
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
            age: Some(age),
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
            if deadline.has_passed(Instant::now()) {
                break;
            }
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
        let Some(_place) = self.servers[server].place(deadline).await else {
            drop(pass);
            return Err(away("no session with the replica was free in time"));
        };
        let asked = Instant::now();
        let read = self.read_replica(server, id);
        let (found, shown) = match timeout_at(deadline.instant(), read).await {
            Ok(Ok(read)) => read,
            Ok(Err(error)) => {
                pass.failed();
                return Err(away(&error.to_string()));
            }
            Err(_) => {
                if is_silent(asked.elapsed()) {
                    pass.failed();
                }
                return Err(away("the replica did not answer in time"));
            }
        };
        if let Err(short) = pass.answered(shown) {
            self.metrics.short.inc();
            return Err(away(&short.to_string()));
        }
        let age = self.router.with(|router| router.age(server, asked));
        let age = age.map(|age| age + asked.elapsed());
        Ok(Answer { found, source: Source::Replica, shown, age })
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
        let asked = Instant::now();
        let committed = perform(&self.primary, &ReadPublic(id), deadline).await?;
        let shown = Shown { at_least: committed.since, at_most: committed.until };
        let (found, source) = (committed.answer, Source::Primary);
        // What was acknowledged while it was under way may not be in it.
        Ok(Answer { found, source, shown, age: Some(asked.elapsed()) })
    }

    /// The control: whichever replica has its turn, and its answer is taken for a recent one.
    async fn read_any(&self, id: Uuid, deadline: Deadline) -> Result<Answer, Problem> {
        let reader = self.reader(deadline).await?;
        let server = reader.server;
        let _place = reader.place;
        self.servers[server].give_back(reader.session);
        let read = timeout_at(deadline.instant(), self.read_replica(server, id)).await;
        let read = read.map_err(|_| away("the replica did not answer in time"))?;
        let (found, shown) = read.map_err(|error| away(&error.to_string()))?;
        Ok(Answer { found, source: Source::Replica, shown, age: Some(Duration::ZERO) })
    }

    async fn reader(&self, deadline: Deadline) -> Result<Reader<'_>, Problem> {
        let server = self.any_replica().ok_or_else(|| away("there is no replica"))?;
        let place = self.servers[server].place(deadline).await;
        let place = place.ok_or_else(|| away("no session with the replica was free in time"))?;
        let session = timeout_at(deadline.instant(), self.servers[server].session()).await;
        let session = session.map_err(|_| away("the replica did not answer in time"))?;
        let session = session.map_err(|error| away(&error.to_string()))?;
        Ok(Reader { server, session, place })
    }

    /// Puts what was found into the cache. Whether that works changes nothing for the caller, and
    /// one that a write has overtaken is refused there.
    async fn keep(&self, keys: &Keys, answer: &Answer) {
        let (Some((json, version)), Some(age)) = (&answer.found, answer.age) else { return };
        let mut tail = answer.shown.at_most.bytes().to_be_bytes().to_vec();
        tail.extend_from_slice(json);
        let entry = Entry {
            fetched_at_ms: now_ms().saturating_sub(whole_ms(age)),
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

/// Never less than it is.
pub(super) fn whole_ms(age: Duration) -> u64 {
    u64::try_from(age.as_micros().div_ceil(1000)).unwrap_or(u64::MAX)
}

fn is_silent(waited: Duration) -> bool {
    waited >= SILENT_AFTER
}

/// A session with a replica.
struct Reader<'a> {
    server: usize,
    session: PostgresSession,
    place: SemaphorePermit<'a>,
}

async fn replayed(session: &mut PostgresSession) -> Result<LogPosition, DatabaseError> {
    let rows = session.rows(REPLAYED, &[]).await?;
    let row = rows.first().ok_or_else(|| DatabaseError::Refused("no position".to_owned()))?;
    let position: Option<PgLsn> = row.try_get(0)?;
    let position = position.ok_or_else(|| DatabaseError::Refused("it is no replica".to_owned()))?;
    Ok(LogPosition::from_bytes(position.into()))
}

fn public(row: &tokio_postgres::Row) -> Result<(Bytes, u32), DatabaseError> {
    let view = PublicView::of_row(row)?;
    let json = serde_json::to_vec(&view).expect("a profile is plain");
    Ok((json.into(), view.version.unsigned_abs()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_that_waits_for_less_than_a_replica_may_take_proves_nothing() {
        assert!(!is_silent(Duration::from_millis(5)));
        assert!(is_silent(SILENT_AFTER));
    }

    #[test]
    fn an_age_is_never_understated() {
        assert_eq!(whole_ms(Duration::from_micros(1_001)), 2);
        assert_eq!(whole_ms(Duration::from_millis(2)), 2);
    }
}
