//! What the service counts.

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;

use crate::service::metrics;

type Labels<const N: usize> = [(&'static str, &'static str); N];

#[derive(Debug)]
pub(super) struct Metrics {
    registry: Registry,
    /// By `operation`, `source` and `answer`.
    requests: Family<Labels<3>, Counter>,
    pub(super) database_reads: Counter,
}

impl Metrics {
    pub(super) fn new() -> Self {
        let mut registry = Registry::with_prefix("search");
        let (requests, database_reads) = (Family::default(), Counter::default());
        let help = "Requests by operation, source and grade of the answer";
        registry.register("requests", help, Clone::clone(&requests));
        registry.register("database_reads", "Reads of the database", database_reads.clone());
        Self { registry, requests, database_reads }
    }

    pub(super) fn answered(
        &self,
        operation: &'static str,
        source: &'static str,
        answer: &'static str,
    ) {
        let labels = [("operation", operation), ("source", source), ("answer", answer)];
        self.requests.get_or_create(&labels).inc();
    }

    pub(super) fn render(&self) -> String {
        metrics::text(&self.registry)
    }
}
