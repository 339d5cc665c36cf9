//! What the service counts, and what it shows of its state at `/metrics`.

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use crate::service::metrics;

type Labels<const N: usize> = [(&'static str, &'static str); N];

#[derive(Debug)]
pub(super) struct Metrics {
    registry: Registry,
    /// By `operation` and `outcome`.
    requests: Family<Labels<2>, Counter>,
    writes: Counter,
    /// Transactions: fewer than writes when these come together.
    batches: Counter,
    /// By `outcome`; one that was pending counts again when it is made.
    charges: Family<Labels<1>, Counter>,
    pub(super) payments_due: Gauge,
    pub(super) events_settled: Gauge,
}

impl Metrics {
    pub(super) fn new() -> Self {
        let mut registry = Registry::with_prefix("reservations");
        let (requests, charges) = (Family::default(), Family::default());
        let (writes, batches) = (Counter::default(), Counter::default());
        let (payments_due, events_settled) = (Gauge::default(), Gauge::default());
        registry.register("requests", "Requests by operation and outcome", Clone::clone(&requests));
        registry.register("charges", "Charges by what they came to", Clone::clone(&charges));
        registry.register("writes", "Changes that are durable", writes.clone());
        registry.register("batches", "Transactions of them", batches.clone());
        let help = "Charges and refunds that are still to be made";
        registry.register("payments_due", help, payments_due.clone());
        let help = "The number up to which the log is settled";
        registry.register("events_settled", help, events_settled.clone());
        Self { registry, requests, writes, batches, charges, payments_due, events_settled }
    }

    pub(super) fn answered(&self, operation: &'static str, outcome: &'static str) {
        let labels = [("operation", operation), ("outcome", outcome)];
        self.requests.get_or_create(&labels).inc();
    }

    /// A transaction with `count` writes is committed.
    pub(super) fn wrote(&self, count: usize) {
        self.writes.inc_by(count as u64);
        self.batches.inc();
    }

    pub(super) fn charged(&self, outcome: &'static str) {
        self.charges.get_or_create(&[("outcome", outcome)]).inc();
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
        metrics.wrote(3);
        metrics.charged("pending");
        metrics.answered("hold", "ok");
        metrics.payments_due.set(2);
        let text = metrics.render();
        for line in [
            "reservations_writes_total 3",
            "reservations_batches_total 1",
            "reservations_charges_total{outcome=\"pending\"} 1",
            "reservations_requests_total{operation=\"hold\",outcome=\"ok\"} 1",
            "reservations_payments_due 2",
            "reservations_events_settled 0",
        ] {
            assert!(text.contains(line), "{line} in {text}");
        }
    }
}
