//! What the monitor shows at `/metrics`.

use std::sync::atomic::AtomicU64;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use super::watching::Book;
use super::wire::State;
use crate::service::metrics::{self, raise};

type Counters = Family<[(&'static str, String); 2], Counter>;

/// Counters and gauges of the monitor.
#[derive(Debug)]
pub(super) struct Metrics {
    registry: Registry,
    is_on: Family<[(&'static str, String); 1], Gauge<f64, AtomicU64>>,
    counts: Counters,
    failures: Family<[(&'static str, &'static str); 1], Counter>,
    journal: Family<[(&'static str, &'static str); 1], Gauge<f64, AtomicU64>>,
    reports: Counter,
    refusals: Counter,
}

impl Metrics {
    pub(super) fn new() -> Self {
        let mut registry = Registry::with_prefix("monitor");
        let (is_on, counts, failures) = (Family::default(), Counters::default(), Family::default());
        let journal = Family::default();
        let (reports, refusals) = (Counter::default(), Counter::default());
        registry.register("replica_is_on", "1 for ON, 0 for OFF", is_on.clone());
        registry.register(
            "evidence",
            "By replica and `what`: checks, failed_checks, dissents, lone_refusals",
            counts.clone(),
        );
        registry.register("failures", "By `what`: detected, recovered", failures.clone());
        registry.register(
            "journal",
            "By `what`: entries waiting, written, dropped; is_database_away",
            journal.clone(),
        );
        registry.register("reports", "Reports of voters that were taken", reports.clone());
        registry.register("refusals", "Records of the error queue", refusals.clone());
        Self { registry, is_on, counts, failures, journal, reports, refusals }
    }

    /// The text form, with what is in `book`.
    pub(super) fn render(&self, book: &Book) -> String {
        for one in &book.replicas {
            let is_on = one.case.state == State::On;
            let label = [("replica", one.name.clone())];
            self.is_on.get_or_create(&label).set(f64::from(u8::from(is_on)));
            let counts = one.case.counts;
            for (what, count) in [
                ("checks", counts.checks),
                ("failed_checks", counts.failed_checks),
                ("dissents", counts.dissents),
                ("lone_refusals", counts.lone_refusals),
            ] {
                let labels = [("replica", one.name.clone()), ("what", what.to_owned())];
                raise(&self.counts.get_or_create(&labels), count);
            }
        }
        let (detected, recovered) = book.record.counts();
        raise(&self.failures.get_or_create(&[("what", "detected")]), detected);
        raise(&self.failures.get_or_create(&[("what", "recovered")]), recovered);
        for (what, value) in [
            ("waiting", book.journal.len() as u64),
            ("written", book.journal.written()),
            ("dropped", book.journal.dropped()),
            ("is_database_away", u64::from(book.is_database_away)),
        ] {
            self.journal.get_or_create(&[("what", what)]).set(value as f64);
        }
        raise(&self.reports, book.reports);
        raise(&self.refusals, book.refusals_read);
        metrics::text(&self.registry)
    }
}
