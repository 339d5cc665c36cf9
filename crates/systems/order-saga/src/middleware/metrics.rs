//! What the middleware counts.

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use serde_json::{Value, json};
use standfast_tactics::saga::{Answer, Call, Entry, Outcome};

use super::plan::Role;
use crate::service::events;
use crate::service::metrics;

type Labels<const N: usize> = [(&'static str, &'static str); N];

#[derive(Debug)]
pub(super) struct Metrics {
    registry: Registry,
    /// By `operation` and `outcome`.
    requests: Family<Labels<2>, Counter>,
    /// By `step`, `direction` and `outcome`.
    calls: Family<Labels<3>, Counter>,
    /// By `outcome`.
    ended: Family<Labels<1>, Counter>,
    /// Taken up from the journal at the start.
    pub(super) recovered: Counter,
    pub(super) open: Gauge,
    pub(super) parked: Gauge,
    /// Orders that were not taken, by `reason`.
    refused: Family<Labels<1>, Counter>,
    pub(super) undecided: Gauge,
    pub(super) undecided_max: Gauge,
}

impl Metrics {
    pub(super) fn new() -> Self {
        let mut registry = Registry::with_prefix("middleware");
        let (requests, calls, ended) = (Family::default(), Family::default(), Family::default());
        registry.register("requests", "Requests by operation and outcome", requests.clone());
        registry.register("calls", "Calls by step, direction and outcome", calls.clone());
        registry.register("sagas_ended", "Sagas by outcome", ended.clone());
        let recovered = Counter::default();
        registry.register("sagas_recovered", "Sagas taken up at a start", recovered.clone());
        let (open, parked) = (Gauge::default(), Gauge::default());
        registry.register("sagas_open", "Sagas that go on", open.clone());
        registry.register("sagas_parked", "Sagas that somebody should look at", parked.clone());
        let (refused, undecided, undecided_max) =
            (Family::default(), Gauge::default(), Gauge::default());
        registry.register("orders_refused", "Orders not taken, by reason", refused.clone());
        registry.register("orders_undecided", "Orders without an outcome", undecided.clone());
        let help = "More orders without an outcome are refused";
        registry.register("orders_undecided_max", help, undecided_max.clone());
        Self {
            registry,
            requests,
            calls,
            ended,
            recovered,
            open,
            parked,
            refused,
            undecided,
            undecided_max,
        }
    }

    /// An order was not taken.
    pub(super) fn refused(&self, reason: &'static str) {
        self.refused.get_or_create(&[("reason", reason)]).inc();
    }

    pub(super) fn answered(&self, operation: &'static str, outcome: &'static str) {
        self.requests.get_or_create(&[("operation", operation), ("outcome", outcome)]).inc();
    }

    pub(super) fn called(&self, call: Call, answer: &Answer<Value>) {
        let outcome = match answer {
            Answer::Done(_) => "done",
            Answer::Refused { .. } => "refused",
            Answer::Unknown => "unknown",
        };
        let direction = match call.direction {
            standfast_tactics::saga::Direction::Forth => "forth",
            standfast_tactics::saga::Direction::Back => "back",
        };
        let step = Role::ALL[call.step].name();
        let labels = [("step", step), ("direction", direction), ("outcome", outcome)];
        self.calls.get_or_create(&labels).inc();
    }

    /// Parking is an event: somebody should look.
    pub(super) fn journaled(&self, entries: &[Entry<Value>]) {
        for entry in entries {
            if let Entry::Parked { step } = entry {
                let step = Role::ALL[*step].name();
                events::report("parked", "saga", json!({ "step": step }));
            }
        }
    }

    pub(super) fn ended(&self, outcome: Outcome) {
        let outcome = match outcome {
            Outcome::Completed => "completed",
            Outcome::Compensated => "compensated",
        };
        self.ended.get_or_create(&[("outcome", outcome)]).inc();
    }

    /// The text form.
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
        metrics.ended(Outcome::Completed);
        metrics.recovered.inc();
        metrics.refused("too-late");
        let text = metrics.render();
        for line in [
            "middleware_sagas_ended_total{outcome=\"completed\"} 1",
            "middleware_sagas_recovered_total 1",
            "middleware_sagas_parked 0",
            "middleware_orders_refused_total{reason=\"too-late\"} 1",
            "middleware_orders_undecided_max 0",
        ] {
            assert!(text.contains(line), "{line} in {text}");
        }
    }
}
