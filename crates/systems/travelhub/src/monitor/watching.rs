//! The book of the monitor: what is held of each service, and what was found.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde_json::json;
use standfast_tactics::detect::Change;
use time::OffsetDateTime;
use tokio::time::Instant;

use super::case::{Beat, Case, Finding};
use super::episode::{Entry, Episodes, Moment};
use super::quality::Recording;
use super::settings::Settings;
use crate::service::events;

/// Episodes that are shown.
const EPISODES_MAX: usize = 200;

/// Findings that wait for the database; beyond them the oldest are lost.
const UNWRITTEN_MAX: usize = 10_000;

/// Beats that are remembered of each service, to try other settings on.
const RECORDED_MAX: usize = 2_000;

/// A service that is watched.
#[derive(Debug)]
pub(super) struct Watched {
    pub(super) name: String,
    pub(super) case: Case,
    pub(super) recording: Recording,
}

/// All that is known.
#[derive(Debug)]
pub(super) struct Book {
    pub(super) services: Vec<Watched>,
    pub(super) episodes: Episodes,
    pub(super) unwritten: VecDeque<Entry>,
    pub(super) is_database_away: bool,
}

/// What the tasks and the routes share.
#[derive(Debug)]
pub(super) struct Monitor {
    pub(super) settings: Settings,
    book: Mutex<Book>,
}

impl Monitor {
    pub(super) fn new(settings: Settings) -> Self {
        let services = settings.watched.iter().map(|one| Watched {
            name: one.name.clone(),
            case: Case::new(&settings),
            recording: Recording::new(RECORDED_MAX),
        });
        let book = Book {
            services: services.collect(),
            episodes: Episodes::new(EPISODES_MAX),
            unwritten: VecDeque::new(),
            is_database_away: false,
        };
        Self { settings, book: Mutex::new(book) }
    }

    pub(super) fn book(&self) -> MutexGuard<'_, Book> {
        // What panics while it holds the book has changed one entry of it.
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes beats that were read at `now`, when the clock of the database said `database_now`.
    pub(super) fn beats(&self, beats: Vec<Beat>, database_now: OffsetDateTime, now: Instant) {
        let mut book = self.book();
        for beat in beats {
            let Some(place) = book.services.iter().position(|one| one.name == beat.service) else {
                continue;
            };
            let age = std::time::Duration::try_from(database_now - beat.at).unwrap_or_default();
            let Some(at) = now.checked_sub(age) else { continue };
            let one = &mut book.services[place];
            one.recording.push(&beat);
            for finding in one.case.beat(beat, at) {
                book.found(place, finding);
            }
        }
    }

    /// Has the beats judged that were read.
    pub(super) fn check(&self, also_heartbeat: bool, now: Instant) {
        let mut book = self.book();
        for place in 0..book.services.len() {
            let case = &mut book.services[place].case;
            let phi = case.check_phi(now);
            let heartbeat = also_heartbeat.then(|| case.check_heartbeat(now)).flatten();
            for finding in [phi, heartbeat].into_iter().flatten() {
                book.found(place, finding);
            }
        }
    }

    /// A ping of the service at `place` is back, or overdue.
    pub(super) fn pinged(&self, place: usize, is_well: bool) {
        self.book().services[place].case.pinged(is_well, OffsetDateTime::now_utc());
    }

    /// The pings have changed what is held of the service at `place`.
    pub(super) fn ping_changed(&self, place: usize, change: Change) {
        let mut book = self.book();
        if let Some(finding) = book.services[place].case.ping_changed(change) {
            book.found(place, finding);
        }
    }
}

impl Book {
    fn found(&mut self, place: usize, finding: Finding) {
        let one = &self.services[place];
        let at = OffsetDateTime::now_utc();
        let moment = Moment { at, is_suspected: one.case.is_suspected() };
        let last_sign = one.case.last_sign.unwrap_or(at);
        let by = finding.detector.name();
        if finding.is_down {
            let silence_ms = (at - last_sign).whole_milliseconds() as i64;
            tracing::warn!(service = one.name, by, silence_ms, "down");
            events::report("detected", &one.name, json!({ "by": by, "silence_ms": silence_ms }));
        } else {
            tracing::info!(service = one.name, by, "up");
            events::report("recovered", &one.name, json!({ "by": by }));
        }
        let entry = self.episodes.take(&one.name, finding, last_sign, moment);
        if self.unwritten.len() >= UNWRITTEN_MAX {
            self.unwritten.pop_front();
        }
        self.unwritten.extend(entry);
    }
}
