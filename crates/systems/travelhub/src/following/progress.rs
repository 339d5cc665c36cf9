//! How far a follower has come, for those who ask it, and how long it took after a start.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use tokio::time::Instant;

/// What is known of a follower.
#[derive(Debug)]
pub(in super::super) struct Progress {
    started: Instant,
    is_caught_up: AtomicBool,
    applied: Counter,
    refused: Counter,
    snapshots: Counter,
    cursor: Gauge,
    /// From the start of the process until it had everything that there was; absent until then.
    catch_up_seconds: Gauge<f64, AtomicU64>,
    /// What it had to apply for that: how much those before it had left, wherever they died.
    catch_up_entries: Gauge,
}

impl Progress {
    /// Registers what it counts.
    pub(in super::super) fn new(registry: &mut Registry) -> Self {
        let this = Self {
            started: Instant::now(),
            is_caught_up: AtomicBool::new(false),
            applied: Counter::default(),
            refused: Counter::default(),
            snapshots: Counter::default(),
            cursor: Gauge::default(),
            catch_up_seconds: Gauge::default(),
            catch_up_entries: Gauge::default(),
        };
        this.catch_up_seconds.set(f64::NAN);
        registry.register("events_applied", "Entries applied", this.applied.clone());
        registry.register("pages_refused", "Pages that cannot be right", this.refused.clone());
        registry.register("snapshots_taken", "New beginnings", this.snapshots.clone());
        registry.register("cursor", "The number up to which all is applied", this.cursor.clone());
        registry.register(
            "catch_up_seconds",
            "From the start of the process until nothing was left to apply",
            this.catch_up_seconds.clone(),
        );
        registry.register(
            "catch_up_entries",
            "Entries that were applied until then",
            this.catch_up_entries.clone(),
        );
        this
    }

    pub(super) fn applied(&self, entries: usize, cursor: u64) {
        self.applied.inc_by(entries as u64);
        self.cursor.set(cursor.cast_signed());
    }

    pub(super) fn took_snapshot(&self, cursor: u64) {
        self.snapshots.inc();
        self.cursor.set(cursor.cast_signed());
    }

    pub(super) fn refused(&self) {
        self.refused.inc();
    }

    /// Nothing is left. Answers how long that took, if it is the first time.
    pub(super) fn caught_up(&self, cursor: u64) -> Option<Duration> {
        self.cursor.set(cursor.cast_signed());
        if self.is_caught_up.swap(true, Ordering::Relaxed) {
            return None;
        }
        let took = self.started.elapsed();
        self.catch_up_seconds.set(took.as_secs_f64());
        self.catch_up_entries.set(self.applied.get().cast_signed());
        Some(took)
    }

    /// Whether it had everything since the start of the process.
    pub(in super::super) fn is_caught_up(&self) -> bool {
        self.is_caught_up.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn how_long_it_took_is_said_once_and_not_before_it_is_known() {
        let mut registry = Registry::with_prefix("inventory");
        let progress = Progress::new(&mut registry);
        let text = || {
            let mut text = String::new();
            prometheus_client::encoding::text::encode(&mut text, &registry).unwrap();
            text
        };
        assert!(text().contains("inventory_catch_up_seconds NaN"), "{}", text());
        progress.applied(5, 5);
        progress.applied(2, 7);
        tokio::time::advance(Duration::from_secs(2)).await;
        assert_eq!(progress.caught_up(7), Some(Duration::from_secs(2)));
        tokio::time::advance(Duration::from_secs(2)).await;
        progress.applied(2, 9);
        assert_eq!(progress.caught_up(9), None);
        assert!(text().contains("inventory_catch_up_seconds 2.0"), "{}", text());
        assert!(text().contains("inventory_catch_up_entries 7"), "{}", text());
        assert!(text().contains("inventory_cursor 9"), "{}", text());
    }
}
