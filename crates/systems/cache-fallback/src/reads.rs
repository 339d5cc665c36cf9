//! Reads: the cache first, then the replica, and in need a stale copy.
//!
//! Two things decide whether an answer will do. A copy must be fresh; and every answer must have
//! come at least as far in the log as the last write to what it shows, and as the caller's own
//! writes.

use std::sync::Arc;
use std::time::Duration;

use deadpool_postgres::Object;
use standfast_tactics::cache_aside::Freshness;
use standfast_tactics::coalesce::{Role as Part, Wait};
use standfast_tactics::deadline::Deadline;
use standfast_tactics::session_token::LogPosition;
use tokio::time::Instant;

use super::body::{Source, tail_of};
use super::cache::{CALL_BUDGET, Keys};
use super::database::{Database, DatabaseError, Lane, within};
use super::entry::Entry;
use super::offers::{Offers, SHARE_WITHOUT_CACHE, now_ms};
use super::queries::{self, Role, Row, Subject};
use crate::service::problem::Problem;

/// A replica that is nearly there is worth this wait; behind that, the primary is asked.
const REPLICA_WAIT_MAX: Duration = Duration::from_millis(100);

/// How often it is asked meanwhile; replay moves in steps of a millisecond or so.
const REPLICA_POLL: Duration = Duration::from_millis(5);

/// What a client is told when there is nothing to serve.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// An answer to a read.
#[derive(Clone, Debug)]
pub(super) struct Answer {
    pub(super) entry: Entry,
    pub(super) source: Source,
    pub(super) stale: bool,
}

/// What a load brought; shared by all who wanted it.
#[derive(Clone, Debug)]
pub(super) enum Loaded {
    Found {
        entry: Entry,
        source: Source,
        /// The answer shows all writes up to here. The primary shows every one, though it can
        /// only prove a position a little before.
        shows: LogPosition,
    },
    Missing,
    Failed {
        retry_after: Duration,
        why: String,
    },
}

/// How far the replica must have come.
#[derive(Clone, Copy, Debug)]
struct Wanted {
    /// For this answer.
    required: LogPosition,
    /// To be no further back than it was before.
    seen: LogPosition,
}

/// What the cache said.
enum Look {
    /// It was not asked: the tactic is off.
    Off,
    Away,
    Answered(Option<Entry>),
}

impl Subject {
    pub(super) fn keys(&self) -> Keys {
        match self {
            Self::Search(search) => {
                Keys { copy: search.cache_key(), written: written_city(search.city) }
            }
            Self::Offer(id) => Keys { copy: format!("o:{id}"), written: written_offer(id) },
        }
    }
}

/// The name of the position of the last write to a city.
pub(super) fn written_city(city: i32) -> String {
    format!("w:c:{city}")
}

/// The name of the position of the last write to an offer.
pub(super) fn written_offer(id: &uuid::Uuid) -> String {
    format!("w:o:{id}")
}

impl Offers {
    /// Answers a read for a client that has written up to `token`.
    pub(super) async fn read(
        self: &Arc<Self>,
        subject: Subject,
        token: LogPosition,
        deadline: Deadline,
    ) -> Result<Answer, Problem> {
        let keys = subject.keys();
        let (look, written) = self.look(&keys, deadline).await;
        let required = written.max(token);
        let is_cache_away = matches!(look, Look::Away);
        let copy = match look {
            Look::Answered(Some(entry)) => {
                match self.settings.freshness.judge(&entry.copy(now_ms()), &required) {
                    Freshness::Fresh => {
                        return Ok(Answer { entry, source: Source::Cache, stale: false });
                    }
                    Freshness::Stale(_) => Some(entry),
                    Freshness::TooOld => None,
                }
            }
            Look::Answered(None) | Look::Away | Look::Off => None,
        };
        match self.load_shared(subject, keys, required, is_cache_away, deadline).await {
            Loaded::Found { entry, source, shows } if shows >= token => {
                // Older than a write that is known of, but nothing newer can be had.
                let stale = shows < required;
                Ok(Answer { entry, source, stale })
            }
            Loaded::Found { .. } => Err(away(RETRY_AFTER, "no server shows your own write yet")),
            Loaded::Missing => Err(Problem::not_found("there is no offer with this id")),
            Loaded::Failed { retry_after, why } => match copy {
                // Never to someone who wrote after it.
                Some(entry) if self.settings.tactics.stale_fallback && entry.position >= token => {
                    self.metrics.fallbacks.inc();
                    Ok(Answer { entry, source: Source::Cache, stale: true })
                }
                Some(_) | None => Err(away(retry_after, &why)),
            },
        }
    }

    async fn look(&self, keys: &Keys, deadline: Deadline) -> (Look, LogPosition) {
        let floor = self.cache.pending.floor();
        if !self.settings.tactics.cache_aside {
            return (Look::Off, LogPosition::START);
        }
        match self.cache.find(keys, deadline).await {
            Ok(found) => (Look::Answered(found.entry), found.written.max(floor)),
            Err(_) => (Look::Away, floor),
        }
    }

    async fn load_shared(
        self: &Arc<Self>,
        subject: Subject,
        keys: Keys,
        required: LogPosition,
        is_cache_away: bool,
        deadline: Deadline,
    ) -> Loaded {
        let budget = self.settings.read_budget;
        // With a deadline, some of the time is kept for the way back.
        let deadline = self.cap(deadline, budget + CALL_BUDGET);
        if !self.settings.tactics.coalescing {
            let loaded = self.load(&subject, required, self.cap(deadline, budget)).await;
            return loaded.keep(self, &keys).await;
        }
        let share_for = if is_cache_away { SHARE_WITHOUT_CACHE } else { Duration::ZERO };
        let wait = Wait { deadline: deadline.instant(), share_for };
        let offers = Arc::clone(self);
        let key = (keys.copy.clone(), required);
        let load = move || async move {
            let deadline = offers.cap(deadline, budget);
            // Someone may have finished the same load between this caller's lookup and now.
            if !is_cache_away
                && let Some(loaded) = offers.look_again(&keys, required, deadline).await
            {
                return loaded;
            }
            offers.load(&subject, required, deadline).await.keep(&offers, &keys).await
        };
        let may_linger = |loaded: &Loaded| matches!(loaded, Loaded::Found { .. });
        match self.flights.run(key, wait, load, may_linger).await {
            Ok(shared) => {
                if shared.role == Part::Followed {
                    self.metrics.coalesced.inc();
                }
                shared.value
            }
            Err(error) => Loaded::failed(RETRY_AFTER, &error),
        }
    }

    async fn look_again(
        &self,
        keys: &Keys,
        required: LogPosition,
        deadline: Deadline,
    ) -> Option<Loaded> {
        if !self.settings.tactics.cache_aside {
            return None;
        }
        let entry = self.cache.find(keys, deadline).await.ok()?.entry?;
        let freshness = self.settings.freshness.judge(&entry.copy(now_ms()), &required);
        let shows = entry.position;
        (freshness == Freshness::Fresh).then_some(Loaded::Found {
            entry,
            source: Source::Cache,
            shows,
        })
    }

    async fn load(&self, subject: &Subject, required: LogPosition, deadline: Deadline) -> Loaded {
        if !self.settings.tactics.read_replica {
            return self.load_from_primary(subject, Source::Database, deadline).await;
        }
        // The primary stands in for a replica that is behind, never for one that is away: it would
        // take over a load that it was never to carry, and the writes would go down with it.
        if self.replica.dependency.is_usable() && !self.is_replica_recent() {
            return self.load_from_primary(subject, Source::Primary, deadline).await;
        }
        // Taken before it is asked: reads that run at the same time may see it further on.
        let seen = self.replica_seen();
        match self.ask_replica(subject, Wanted { required, seen }, deadline).await {
            Ok(row) if row.position < required.max(seen) => {
                match self.load_from_primary(subject, Source::Primary, deadline).await {
                    // How old the row is nobody knows, so a marked copy is better.
                    failed @ Loaded::Failed { .. } if row.position < seen => failed,
                    Loaded::Failed { .. } => self.loaded(row, Source::Database),
                    newer @ (Loaded::Found { .. } | Loaded::Missing) => newer,
                }
            }
            Ok(row) => self.loaded(row, Source::Database),
            Err(error) => Loaded::failed(error.retry_after(), &error),
        }
    }

    async fn load_from_primary(
        &self,
        subject: &Subject,
        source: Source,
        deadline: Deadline,
    ) -> Loaded {
        match self.ask(&self.primary, Role::Primary, subject, deadline).await {
            Ok(row) => match self.loaded(row, source) {
                Loaded::Found { entry, source, .. } => {
                    Loaded::Found { entry, source, shows: LogPosition::END }
                }
                other @ (Loaded::Missing | Loaded::Failed { .. }) => other,
            },
            Err(error) => Loaded::failed(error.retry_after(), &error),
        }
    }

    async fn ask(
        &self,
        server: &Database,
        role: Role,
        subject: &Subject,
        deadline: Deadline,
    ) -> Result<Row, DatabaseError> {
        let lease = server.lease(Lane::Reads, deadline).await?;
        self.metrics.database_reads.inc();
        let result = within(deadline, queries::read(lease.client(), role, subject)).await;
        lease.finish(result)
    }

    /// Asks the replica, and waits a little when it has not come to where it should be yet.
    async fn ask_replica(
        &self,
        subject: &Subject,
        wanted: Wanted,
        deadline: Deadline,
    ) -> Result<Row, DatabaseError> {
        let Wanted { required, seen } = wanted;
        let row = self.ask(&self.replica, Role::Replica, subject, deadline).await?;
        self.saw_replica_at(row.position);
        // Replaying the log from a restart point takes much longer than a wait is worth.
        let is_far_behind =
            row.position < seen || self.guard().lag(Instant::now()) > REPLICA_WAIT_MAX;
        if row.position >= required || is_far_behind {
            return Ok(row);
        }
        let lease = self.replica.lease(Lane::Reads, deadline).await?;
        let wait = deadline.cap(Instant::now(), REPLICA_WAIT_MAX);
        let has_come = within(deadline, has_come_to(lease.client(), required, wait)).await;
        if lease.finish(has_come)? {
            self.ask(&self.replica, Role::Replica, subject, deadline).await
        } else {
            Ok(row)
        }
    }

    fn loaded(&self, row: Row, source: Source) -> Loaded {
        let Some((json, version)) = row.found else { return Loaded::Missing };
        let entry = Entry {
            fetched_at_ms: row.asked_at_ms,
            fresh_for: self.fresh_for(),
            position: row.position,
            version,
            tail: tail_of(&json),
        };
        Loaded::Found { entry, source, shows: row.position }
    }
}

impl Loaded {
    fn failed(retry_after: Duration, why: &dyn std::fmt::Display) -> Self {
        Self::Failed { retry_after, why: why.to_string() }
    }

    /// Puts what was found into the cache. Whether that works changes nothing for the caller.
    async fn keep(self, offers: &Offers, keys: &Keys) -> Self {
        if let Self::Found { entry, .. } = &self
            && offers.settings.tactics.cache_aside
        {
            let deadline = Deadline::after(Instant::now(), CALL_BUDGET);
            let keep_for = offers.settings.freshness.keep_for();
            let _ = offers.cache.put(keys, entry, keep_for, deadline).await;
        }
        self
    }
}

/// Waits until the replica has come to `required`, at most until `wait`.
async fn has_come_to(
    client: &Object,
    required: LogPosition,
    wait: Deadline,
) -> Result<bool, tokio_postgres::Error> {
    loop {
        if queries::replayed(client).await? >= required {
            return Ok(true);
        }
        let next = Instant::now() + REPLICA_POLL;
        if next >= wait.instant() {
            return Ok(false);
        }
        tokio::time::sleep_until(next).await;
    }
}

fn away(retry_after: Duration, why: &str) -> Problem {
    Problem::unavailable(retry_after, why).with_header("x-source", "none")
}
