//! What the orders service counts, and what it shows of its state at `/metrics`.

use std::sync::Mutex;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use tokio::time::Instant;

use super::ballot::Status;
use crate::service::metrics;

type Labels<const N: usize> = [(&'static str, &'static str); N];

#[derive(Debug)]
pub(super) struct Metrics {
    registry: Registry,
    /// By `operation` and `outcome`.
    requests: Family<Labels<2>, Counter>,
    placed: Counter,
    /// Transactions with orders: fewer than orders when these come together.
    batches: Counter,
    pub(super) cancelled: Counter,
    pub(super) published: Counter,
    pub(super) parked: Counter,
    /// Events that were sent without an outbox and did not arrive.
    pub(super) lost: Counter,
    pub(super) replies: Counter,
    /// Replies to orders that are not here.
    pub(super) strays: Counter,
    /// By `status`.
    decided: Family<Labels<1>, Counter>,
    /// By the last look at them.
    pub(super) outbox_rows: Gauge,
    outbox_oldest_seconds: Gauge<f64, AtomicU64>,
    /// Since when the oldest event waits, as far as the publisher has looked.
    oldest_since: Mutex<Option<Instant>>,
    /// Zero is nobody.
    log_leader: Gauge,
}

impl Metrics {
    pub(super) fn new() -> Self {
        let mut registry = Registry::with_prefix("orders");
        let (requests, decided) = (Family::default(), Family::default());
        let counter = |registry: &mut Registry, name, help| {
            let counter: Counter = Counter::default();
            registry.register(name, help, counter.clone());
            counter
        };
        registry.register("requests", "Requests by operation and outcome", requests.clone());
        registry.register("decided", "Orders by what they came to", decided.clone());
        let placed = counter(&mut registry, "placed", "Orders that are durable");
        let batches = counter(&mut registry, "batches", "Transactions that placed orders");
        let cancelled = counter(&mut registry, "cancelled", "Cancellations that are durable");
        let published = counter(&mut registry, "published", "Events that are in the log");
        let parked = counter(&mut registry, "parked", "Events that the log refuses");
        let lost = counter(&mut registry, "lost", "Events sent without outbox that got lost");
        let replies = counter(&mut registry, "replies", "Replies that were read");
        let strays = counter(&mut registry, "strays", "Replies to orders that are not here");
        let (outbox_rows, outbox_oldest_seconds) = (Gauge::default(), Gauge::default());
        registry.register("outbox_rows", "Events not in the log yet", outbox_rows.clone());
        registry.register(
            "outbox_oldest_seconds",
            "Age of the oldest event that is not in the log yet",
            outbox_oldest_seconds.clone(),
        );
        let log_leader = Gauge::default();
        let help = "Number of the broker that leads the events, 0 for none";
        registry.register("log_leader", help, log_leader.clone());
        Self {
            registry,
            requests,
            placed,
            batches,
            cancelled,
            published,
            parked,
            lost,
            replies,
            strays,
            decided,
            outbox_rows,
            outbox_oldest_seconds,
            oldest_since: Mutex::default(),
            log_leader,
        }
    }

    pub(super) fn answered(&self, operation: &'static str, outcome: &'static str) {
        let labels = [("operation", operation), ("outcome", outcome)];
        self.requests.get_or_create(&labels).inc();
    }

    /// A transaction with `count` orders is committed.
    pub(super) fn placed(&self, count: usize) {
        self.placed.inc_by(count as u64);
        self.batches.inc();
    }

    pub(super) fn decided(&self, status: Status) {
        self.decided.get_or_create(&[("status", status.name())]).inc();
    }

    /// The oldest event that is not in the log has this age; there is none without one.
    pub(super) fn outbox_oldest(&self, age: Option<Duration>, now: Instant) {
        let since = age.map(|age| now.checked_sub(age).unwrap_or(now));
        *self.oldest_since.lock().expect("nothing panics while it is held") = since;
    }

    /// The text form, while this broker leads the log. Events grow older while the publisher waits
    /// for the log and looks at nothing.
    pub(super) fn render(&self, log_leader: Option<i64>, now: Instant) -> String {
        let since = *self.oldest_since.lock().expect("nothing panics while it is held");
        let age = since.map_or(Duration::ZERO, |since| now.saturating_duration_since(since));
        self.outbox_oldest_seconds.set(age.as_secs_f64());
        self.log_leader.set(log_leader.unwrap_or_default());
        metrics::text(&self.registry)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_grows_older_while_nobody_looks() {
        let (metrics, now) = (Metrics::new(), Instant::now());
        let check = |after_s: u64, expected: &str| {
            let text = metrics.render(None, now + Duration::from_secs(after_s));
            let line = format!("orders_outbox_oldest_seconds {expected}\n");
            assert!(text.contains(&line), "{line} in {text}");
        };
        check(0, "0.0");
        metrics.outbox_oldest(Some(Duration::from_secs(1)), now + Duration::from_secs(2));
        check(2, "1.0");
        check(5, "4.0");
        metrics.outbox_oldest(None, now + Duration::from_secs(6));
        check(6, "0.0");
    }

    #[test]
    fn the_text_form_has_the_names_that_experiments_use() {
        let metrics = Metrics::new();
        metrics.placed(3);
        metrics.decided(Status::Confirmed);
        let text = metrics.render(Some(2), Instant::now());
        for line in [
            "orders_placed_total 3",
            "orders_batches_total 1",
            "orders_decided_total{status=\"confirmed\"} 1",
            "orders_outbox_rows 0",
            "orders_log_leader 2",
        ] {
            assert!(text.contains(line), "{line} in {text}");
        }
    }
}
