//! What a cart node counts.

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use crate::service::metrics;

type Labels = [(&'static str, &'static str); 2];
type Label = [(&'static str, &'static str); 1];

#[derive(Debug)]
pub(super) struct Metrics {
    registry: Registry,
    /// By `operation` and `outcome`.
    requests: Family<Labels, Counter>,
    /// By `how`: `told` or `reconciled`.
    merges: Family<Label, Counter>,
    /// By `outcome`: `told` or `failed`.
    tellings: Family<Label, Counter>,
    /// By `outcome`: `equal`, `repaired` or `failed`.
    rounds: Family<Label, Counter>,
    /// Sent and received in rounds.
    pub(super) round_bytes: Counter,
    pub(super) clock_rejects: Counter,
    pub(super) contradictions: Counter,
    pub(super) snapshots: Counter,
    dropped: Counter,
    waiting: Gauge,
    /// Carts in which the last round found the nodes to differ.
    pub(super) differing: Gauge,
    carts: Gauge,
    log_bytes: Gauge,
}

/// What is looked up when somebody asks for the metrics.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reading {
    pub(super) carts: usize,
    pub(super) log_bytes: u64,
    pub(super) waiting: usize,
    pub(super) dropped: u64,
}

impl Metrics {
    pub(super) fn new() -> Self {
        let mut registry = Registry::with_prefix("cart");
        let (requests, merges) = (Family::default(), Family::default());
        let (tellings, rounds) = (Family::default(), Family::default());
        let (round_bytes, clock_rejects) = (Counter::default(), Counter::default());
        let (contradictions, snapshots) = (Counter::default(), Counter::default());
        let (dropped, waiting, differing) =
            (Counter::default(), Gauge::default(), Gauge::default());
        let (carts, log_bytes) = (Gauge::default(), Gauge::default());
        registry.register("requests", "Requests by operation and outcome", requests.clone());
        registry.register("merges", "Carts taken over from others", merges.clone());
        registry.register("tellings", "Messages about changes", tellings.clone());
        registry.register("rounds", "Comparisons with another node", rounds.clone());
        registry.register("round_bytes", "Bytes of these, both ways", round_bytes.clone());
        registry.register("clock_rejects", "Scalars of the future", clock_rejects.clone());
        registry.register("contradictions", "Two values of one stamp", contradictions.clone());
        registry.register("snapshots", "Snapshots that were kept", snapshots.clone());
        registry.register("dropped", "Changes that did not fit a queue", dropped.clone());
        registry.register("waiting", "Carts to be told of", waiting.clone());
        registry.register("differing", "Carts that differed when last compared", differing.clone());
        registry.register("held", "Carts that are held", carts.clone());
        registry.register("log_bytes", "Log that no snapshot stands for", log_bytes.clone());
        Self {
            registry,
            requests,
            merges,
            tellings,
            rounds,
            round_bytes,
            clock_rejects,
            contradictions,
            snapshots,
            dropped,
            waiting,
            differing,
            carts,
            log_bytes,
        }
    }

    pub(super) fn answered(&self, operation: &'static str, outcome: &'static str) {
        self.requests.get_or_create(&[("operation", operation), ("outcome", outcome)]).inc();
    }

    pub(super) fn merged(&self, how: &'static str, carts: usize) {
        self.merges.get_or_create(&[("how", how)]).inc_by(carts as u64);
    }

    pub(super) fn told(&self, outcome: &'static str) {
        self.tellings.get_or_create(&[("outcome", outcome)]).inc();
    }

    pub(super) fn compared(&self, outcome: &'static str) {
        self.rounds.get_or_create(&[("outcome", outcome)]).inc();
    }

    /// The text form, with `reading` taken now.
    pub(super) fn render(&self, reading: Reading) -> String {
        let gauge = |value: usize| i64::try_from(value).unwrap_or(i64::MAX);
        self.carts.set(gauge(reading.carts));
        self.waiting.set(gauge(reading.waiting));
        self.log_bytes.set(i64::try_from(reading.log_bytes).unwrap_or(i64::MAX));
        metrics::raise(&self.dropped, reading.dropped);
        metrics::text(&self.registry)
    }
}
