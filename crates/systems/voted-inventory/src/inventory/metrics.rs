//! What a replica counts.

use std::sync::atomic::{AtomicI64, Ordering};

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use super::super::log::Outcome;
use crate::service::metrics;

type Labels = [(&'static str, &'static str); 1];

#[derive(Debug)]
pub(super) struct Metrics {
    registry: Registry,
    /// By `outcome`.
    events: Family<Labels, Counter>,
    /// By `outcome`.
    queries: Family<Labels, Counter>,
    /// Records that no replica can apply.
    pub(super) refused: Counter,
    pub(super) snapshots: Counter,
    applied: Gauge,
    lag: Gauge,
    caught_up: Gauge,
    /// Where the log ended when somebody last looked.
    end: AtomicI64,
}

/// What is looked up when somebody asks for the metrics.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reading {
    pub(super) applied: i64,
    pub(super) is_caught_up: bool,
}

impl Metrics {
    pub(super) fn new() -> Self {
        let mut registry = Registry::with_prefix("inventory");
        let (events, queries) = (Family::default(), Family::default());
        let (refused, snapshots) = (Counter::default(), Counter::default());
        let (applied, lag, caught_up) = (Gauge::default(), Gauge::default(), Gauge::default());
        registry.register("events", "Events by what became of them", events.clone());
        registry.register("queries", "Queries by outcome", queries.clone());
        registry.register("refused", "Records that cannot be applied", refused.clone());
        registry.register("snapshots", "Snapshots that were kept", snapshots.clone());
        registry.register("applied_offset", "The last record applied", applied.clone());
        registry.register("lag_records", "Records not applied yet", lag.clone());
        registry.register("caught_up", "1 when queries are answered", caught_up.clone());
        let end = AtomicI64::new(0);
        Self { registry, events, queries, refused, snapshots, applied, lag, caught_up, end }
    }

    pub(super) fn applied(&self, outcome: Outcome) {
        let name = match outcome {
            Outcome::Reserved => "reserved",
            Outcome::Rejected => "rejected",
            Outcome::Released => "released",
            Outcome::Duplicate => "duplicate",
        };
        self.events.get_or_create(&[("outcome", name)]).inc();
    }

    pub(super) fn answered(&self, outcome: &'static str) {
        self.queries.get_or_create(&[("outcome", outcome)]).inc();
    }

    /// The log ends at `end`.
    pub(super) fn saw_end(&self, end: i64) {
        self.end.store(end, Ordering::Relaxed);
    }

    /// The text form, with `reading` taken now.
    pub(super) fn render(&self, reading: Reading) -> String {
        self.applied.set(reading.applied);
        self.lag.set((self.end.load(Ordering::Relaxed) - 1 - reading.applied).max(0));
        self.caught_up.set(i64::from(reading.is_caught_up));
        metrics::text(&self.registry)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_form_has_the_names_that_experiments_use() {
        let metrics = Metrics::new();
        metrics.applied(Outcome::Duplicate);
        metrics.saw_end(10);
        let text = metrics.render(Reading { applied: 7, is_caught_up: true });
        for line in [
            "inventory_events_total{outcome=\"duplicate\"} 1",
            "inventory_applied_offset 7",
            "inventory_lag_records 2",
            "inventory_caught_up 1",
        ] {
            assert!(text.contains(line), "{line} in {text}");
        }
    }
}
