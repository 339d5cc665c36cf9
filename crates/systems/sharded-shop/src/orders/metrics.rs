//! What the orders service counts.

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;

use crate::service::metrics;

#[derive(Debug)]
pub(super) struct Metrics {
    registry: Registry,
    /// By `operation` and `outcome`.
    requests: Family<[(&'static str, &'static str); 2], Counter>,
    /// Transactions that were begun again since another one stood in their way.
    pub(super) conflicts: Counter,
    /// Checkouts whose stock was given back, by their driver or by the recovery.
    pub(super) released: Counter,
    /// Checkouts that the recovery brought to their end.
    pub(super) recovered: Counter,
}

impl Metrics {
    pub(super) fn new() -> Self {
        let mut registry = Registry::with_prefix("orders");
        let (requests, conflicts) = (Family::default(), Counter::default());
        let (released, recovered) = (Counter::default(), Counter::default());
        registry.register("requests", "Requests by operation and outcome", requests.clone());
        registry.register("conflicts", "Transactions that were begun again", conflicts.clone());
        registry.register("released", "Checkouts that gave stock back", released.clone());
        registry.register("recovered", "Checkouts that the recovery ended", recovered.clone());
        Self { registry, requests, conflicts, released, recovered }
    }

    pub(super) fn answered(&self, operation: &'static str, outcome: &'static str) {
        self.requests.get_or_create(&[("operation", operation), ("outcome", outcome)]).inc();
    }

    pub(super) fn render(&self) -> String {
        metrics::text(&self.registry)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_form_has_the_names_that_experiments_use() {
        let metrics = Metrics::new();
        metrics.recovered.inc();
        metrics.answered("checkout", "ok");
        let text = metrics.render();
        assert!(text.contains("\norders_recovered_total 1\n"), "{text}");
        let request = r#"orders_requests_total{operation="checkout",outcome="ok"} 1"#;
        assert!(text.contains(request), "{text}");
    }
}
