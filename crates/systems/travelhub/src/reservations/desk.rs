//! What all parts of the service share.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use standfast_tactics::event_log::{Retention, RetentionPolicy, Watermark};
use tokio::sync::Notify;
use tokio::time::Instant;

use super::cashier::Cashier;
use super::metrics::Metrics;
use super::settings::Settings;
use super::telling::Reporting;
use super::writing::Writing;
use crate::service::database::{Database, Names};

/// Who reads the log. Nothing that they have not read is deleted, however long they are away; well,
/// for a day.
const READERS: [&str; 2] = ["inventory", "analytics"];
const READER_FORGOTTEN_AFTER: Duration = Duration::from_secs(24 * 3600);

/// Where reservations are taken, and what is behind it.
#[derive(Debug)]
pub(super) struct Desk {
    pub(super) settings: Settings,
    pub(super) database: Database,
    pub(super) writing: Writing,
    pub(super) cashier: Cashier,
    pub(super) metrics: Metrics,
    /// Only in a control arm.
    pub(super) reporting: Option<Reporting>,
    watermark: Mutex<Watermark>,
    retention: Mutex<Retention>,
    committed: Notify,
}

impl Desk {
    pub(super) fn new(settings: Settings, writing: Writing) -> Self {
        let names = Names { target: "postgres", by: "reservations" };
        let database = Database::new(settings.postgres.clone(), names);
        let cashier = Cashier::new(&settings);
        let reporting = settings.report_to.clone().map(Reporting::to);
        let policy =
            RetentionPolicy { keep: settings.events_kept, forget_after: READER_FORGOTTEN_AFTER };
        let retention = Mutex::new(Retention::new(policy, READERS, Instant::now()));
        Self {
            settings,
            database,
            writing,
            cashier,
            metrics: Metrics::new(),
            reporting,
            watermark: Mutex::default(),
            retention,
            committed: Notify::new(),
        }
    }

    pub(super) fn watermark(&self) -> MutexGuard<'_, Watermark> {
        self.watermark.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn retention(&self) -> MutexGuard<'_, Retention> {
        self.retention.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// There may be more in the log.
    pub(super) fn wake_readers(&self) {
        self.committed.notify_one();
    }

    /// Waits for a commit, and not longer than `wait_max`.
    pub(super) async fn committed(&self, wait_max: Duration) {
        // Nothing is lost either way: whoever waits looks at the table.
        drop(tokio::time::timeout(wait_max, self.committed.notified()).await);
    }
}
