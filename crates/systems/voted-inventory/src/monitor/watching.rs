//! The monitor's state, and what happens when evidence comes in: changes are told as events, kept
//! in the record, and written down for the database.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde_json::json;
use time::OffsetDateTime;
use tokio::sync::Notify;
use tokio::time::Instant;
use uuid::Uuid;

use super::case::{Case, Cause, Change, Check};
use super::journal::{Entry, Journal};
use super::record::{Failure, Record};
use super::refusals::Refusals;
use super::settings::Settings;
use super::store::Held;
use super::wire::{Report, State};
use crate::service::events;

/// Failures that are shown; older ones are in the database.
const FAILURES_MAX: usize = 1000;

/// Voters whose reports are told from repeated ones. Each run of a voter is a new one.
const REPORTERS_MAX: usize = 64;

/// A replica, and since when it is what it is.
#[derive(Debug)]
pub(super) struct Watched {
    pub(super) name: String,
    pub(super) case: Case,
    pub(super) since: OffsetDateTime,
}

/// Everything that changes.
#[derive(Debug)]
pub(super) struct Book {
    pub(super) replicas: Vec<Watched>,
    pub(super) record: Record,
    pub(super) journal: Journal,
    pub(super) reports: u64,
    pub(super) refusals_read: u64,
    pub(super) is_database_away: bool,
    /// Whether it is known what was held before the start.
    pub(super) is_restored: bool,
    refusals: Refusals,
    reporters: HashMap<Uuid, u64>,
}

/// A report names a replica that nobody watches.
#[derive(Debug, thiserror::Error)]
#[error("there is no replica `{0}`")]
pub(super) struct UnknownReplica(String);

/// The monitor.
#[derive(Debug)]
pub(super) struct Monitor {
    pub(super) settings: Settings,
    /// Told when there is something to be written to the database.
    pub(super) unwritten: Notify,
    book: Mutex<Book>,
}

impl Monitor {
    pub(super) fn new(settings: Settings, now: Instant) -> Self {
        let since = present();
        let watched = |(name, _): &(String, _)| Watched {
            name: name.clone(),
            case: Case::new(settings.case, now),
            since,
        };
        let replicas: Vec<Watched> = settings.replicas.iter().map(watched).collect();
        let required = replicas.len() / 2 + 1;
        let book = Book {
            refusals: Refusals::new(settings.refusal_grace, required),
            record: Record::new(FAILURES_MAX),
            journal: Journal::new(settings.journal_max),
            reports: 0,
            refusals_read: 0,
            is_database_away: false,
            is_restored: false,
            reporters: HashMap::new(),
            replicas,
        };
        Self { settings, unwritten: Notify::new(), book: Mutex::new(book) }
    }

    pub(super) fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Goes on from what was held before a restart.
    pub(super) fn restore(&self, held: Vec<Held>, failures: Vec<Failure>) {
        let mut book = self.book();
        for one in held {
            let Some(watched) = book.replicas.iter_mut().find(|two| two.name == one.replica) else {
                continue;
            };
            // What has been seen since the start is newer than what was held.
            if watched.case.epoch == 0 {
                watched.case.restore(one.cause, one.epoch, one.accused);
                watched.since = one.since;
            }
        }
        book.record.restore(failures);
        book.is_restored = true;
    }

    /// Learns late what was held before a restart, from a database that was away at the start. What
    /// has been seen since is newer: it stands, and the database is told.
    pub(super) fn catch_up(&self, held: Vec<Held>, failures: Vec<Failure>) {
        let at = present();
        let mut book = self.book();
        let Book { replicas, journal, record, is_restored, .. } = &mut *book;
        for one in held {
            if let Some(watched) = replicas.iter_mut().find(|two| two.name == one.replica) {
                watched.case.epoch += one.epoch + 1;
                journal.push(watched.entry());
            }
        }
        // Nobody saw the end of those that were open; what lasts has been found anew.
        let failures = failures.into_iter().map(|failure| match failure.recovered_at {
            Some(_) => failure,
            None => {
                journal.push(Entry::Recovered { failure: failure.id, at });
                Failure { recovered_at: Some(at), ..failure }
            }
        });
        record.restore(failures.collect());
        *is_restored = true;
        self.unwritten.notify_one();
    }

    /// A health check of a replica ended.
    pub(super) fn checked(&self, replica: usize, check: Check) {
        let mut book = self.book();
        if let Check::Well { applied_offset, .. } | Check::CatchingUp { applied_offset } = check {
            book.refusals.saw_applied(applied_offset);
        }
        let newest = book.newest();
        book.replicas[replica].case.checked(check, newest, Instant::now());
    }

    /// The checks in a row have brought a replica down, or up again.
    pub(super) fn checks_changed(&self, replica: usize, is_down: bool) {
        let case = &mut self.book().replicas[replica].case;
        if is_down { case.checks_down() } else { case.checks_up() }
    }

    /// Takes a voter's report; one that it has seen has no second effect.
    pub(super) fn reported(&self, report: &Report) -> Result<(), UnknownReplica> {
        let mut book = self.book();
        let find = |name: &String| book.replicas.iter().position(|one| one.name == *name);
        let places: Result<Vec<usize>, UnknownReplica> = report
            .findings
            .iter()
            .map(|finding| {
                find(&finding.replica).ok_or_else(|| UnknownReplica(finding.replica.clone()))
            })
            .collect();
        let places = places?;
        if !book.is_news(report) {
            return Ok(());
        }
        book.reports += 1;
        let now = Instant::now();
        for (finding, place) in report.findings.iter().zip(places) {
            let case = &mut book.replicas[place].case;
            let before = case.accused.len();
            case.found(finding, now);
            if case.accused.len() != before {
                let entry = book.replicas[place].entry();
                book.journal.push(entry);
                self.unwritten.notify_one();
            }
        }
        drop(book);
        self.weigh();
        Ok(())
    }

    /// A replica has refused the event at `offset`.
    pub(super) fn refused(&self, source: &str, offset: Option<i64>) {
        let mut book = self.book();
        book.refusals_read += 1;
        let replica = book.replicas.iter().position(|one| one.name == source);
        if let (Some(replica), Some(offset)) = (replica, offset) {
            book.refusals.record(replica, offset, Instant::now());
        }
    }

    /// Weighs all evidence, and acts on what it changes.
    pub(super) fn weigh(&self) {
        let now = Instant::now();
        let mut book = self.book();
        for replica in book.refusals.alone(now) {
            book.replicas[replica].case.refused_alone(now);
        }
        let weighed = book.replicas.iter_mut().enumerate();
        let changes: Vec<(usize, Change)> =
            weighed.filter_map(|(replica, one)| Some((replica, one.case.weigh(now)?))).collect();
        for (replica, change) in changes {
            book.changed(replica, change);
            self.unwritten.notify_one();
        }
    }

    /// Writes down how each replica is doing.
    pub(super) fn sample(&self) {
        let at = present();
        let mut book = self.book();
        let Book { replicas, journal, .. } = &mut *book;
        for one in replicas {
            let counts = one.case.counts;
            journal.push(Entry::Sample {
                replica: one.name.clone(),
                at,
                checks: counts.checks,
                failed_checks: counts.failed_checks,
                dissents: counts.dissents,
            });
        }
        self.unwritten.notify_one();
    }
}

/// The time as the database keeps it, so that it is the same after a restart.
fn present() -> OffsetDateTime {
    let now = OffsetDateTime::now_utc();
    now.replace_nanosecond(now.microsecond() * 1000).unwrap_or(now)
}

impl Watched {
    fn entry(&self) -> Entry {
        Entry::State {
            replica: self.name.clone(),
            state: self.case.state,
            cause: self.case.cause,
            since: self.since,
            epoch: self.case.epoch,
            accused: self.case.accused.keys().cloned().collect(),
        }
    }
}

impl Book {
    /// How far a majority has come in the log: one replica alone might say anything.
    fn newest(&self) -> i64 {
        let known = self.replicas.iter().filter_map(|one| one.case.applied_offset);
        let mut offsets: Vec<i64> = known.collect();
        offsets.sort_unstable_by(|one, other| other.cmp(one));
        let required = self.replicas.len() / 2 + 1;
        offsets.get(required - 1).copied().unwrap_or(i64::MIN)
    }

    /// Whether this report has not been taken before.
    fn is_news(&mut self, report: &Report) -> bool {
        let Report { reporter, sequence, .. } = *report;
        let known = self.reporters.get(&reporter).copied();
        if known.is_some_and(|last| sequence <= last) {
            return false;
        }
        // Ids are ordered by time: the smallest is the run that began first.
        if known.is_none()
            && self.reporters.len() >= REPORTERS_MAX
            && let Some(oldest) = self.reporters.keys().min().copied()
        {
            self.reporters.remove(&oldest);
        }
        self.reporters.insert(reporter, sequence);
        true
    }

    fn changed(&mut self, replica: usize, change: Change) {
        let at = present();
        let one = &mut self.replicas[replica];
        one.since = at;
        let (name, entry) = (one.name.clone(), one.entry());
        self.journal.push(entry);
        match change {
            Change::Off(cause) => {
                tracing::warn!(replica = name, cause = cause.name(), "OFF");
                events::report("detected", &name, json!({ "by": cause.name(), "state": "OFF" }));
                let failure = Failure {
                    id: Uuid::now_v7(),
                    replica: name.clone(),
                    cause,
                    detected_at: at,
                    recovered_at: None,
                };
                let (failure_id, replica) = (failure.id, name);
                self.journal.push(Entry::Detected { failure: failure_id, replica, cause, at });
                self.record.detected(failure);
            }
            Change::On => {
                tracing::info!(replica = name, "ON");
                let over = self.record.recovered(&name, at);
                let by = over.map_or("", |failure| failure.cause.name());
                events::report("recovered", &name, json!({ "by": by, "state": "ON" }));
                if let Some(failure) = over.map(|failure| failure.id) {
                    self.journal.push(Entry::Recovered { failure, at });
                }
            }
        }
    }

    /// How many replicas are ON.
    pub(super) fn on(&self) -> usize {
        self.replicas.iter().filter(|one| one.case.state == State::On).count()
    }

    /// How often each cause has been found lately.
    pub(super) fn causes(&self) -> impl Iterator<Item = (Cause, usize)> {
        Cause::ALL.into_iter().map(|cause| {
            (cause, self.record.newest().filter(|failure| failure.cause == cause).count())
        })
    }
}

#[cfg(test)]
mod tests;
