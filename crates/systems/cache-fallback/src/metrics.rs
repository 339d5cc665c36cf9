//! What the service counts, and what it shows of its state at `/metrics`.

use std::sync::atomic::AtomicU64;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use crate::service::metrics;

type Labels<const N: usize> = [(&'static str, &'static str); N];
type GaugeFamily<const N: usize> = Family<Labels<N>, Gauge<f64, AtomicU64>>;

#[derive(Debug)]
pub(super) struct Metrics {
    registry: Registry,
    /// By `operation`, `source` and `outcome`.
    requests: Family<Labels<3>, Counter>,
    /// Reads sent to PostgreSQL, whichever server.
    pub(super) database_reads: Counter,
    /// Requests that shared a read of another one.
    pub(super) coalesced: Counter,
    /// Stale copies served because there was nothing better.
    pub(super) fallbacks: Counter,
    gauges: GaugeFamily<2>,
}

/// Something that is looked up when somebody asks for the metrics.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reading {
    pub(super) dependency: &'static str,
    pub(super) what: &'static str,
    pub(super) value: f64,
}

impl Metrics {
    pub(super) fn new() -> Self {
        let mut registry = Registry::with_prefix("offers");
        let requests = Family::default();
        let (database_reads, coalesced) = (Counter::default(), Counter::default());
        let (fallbacks, gauges) = (Counter::default(), GaugeFamily::default());
        registry.register("requests", "Requests by operation, source, outcome", requests.clone());
        registry.register("database_reads", "Reads sent to PostgreSQL", database_reads.clone());
        registry.register("coalesced", "Requests that shared a running read", coalesced.clone());
        registry.register("fallbacks", "Stale copies served in need", fallbacks.clone());
        registry.register(
            "dependency",
            "By `what`: breaker (0 closed, 1 half-open, 2 open), connections, idle, reading, \
             waiting, lag_seconds, pending",
            gauges.clone(),
        );
        Self { registry, requests, database_reads, coalesced, fallbacks, gauges }
    }

    pub(super) fn answered(
        &self,
        operation: &'static str,
        source: &'static str,
        outcome: &'static str,
    ) {
        let labels = [("operation", operation), ("source", source), ("outcome", outcome)];
        self.requests.get_or_create(&labels).inc();
    }

    /// The text form, with `readings` taken now.
    pub(super) fn render(&self, readings: &[Reading]) -> String {
        for reading in readings {
            let labels = [("dependency", reading.dependency), ("what", reading.what)];
            self.gauges.get_or_create(&labels).set(reading.value);
        }
        metrics::text(&self.registry)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_form_has_the_names_that_experiments_use() {
        let metrics = Metrics::new();
        metrics.database_reads.inc();
        metrics.answered("search", "cache", "ok");
        let lag = Reading { dependency: "replica", what: "lag_seconds", value: 0.5 };
        let text = metrics.render(&[lag]);
        assert!(text.contains("\noffers_database_reads_total 1\n"), "{text}");
        let request = r#"offers_requests_total{operation="search",source="cache",outcome="ok"} 1"#;
        assert!(text.contains(request), "{text}");
        let lag = r#"offers_dependency{dependency="replica",what="lag_seconds"} 0.5"#;
        assert!(text.contains(lag), "{text}");
    }
}
