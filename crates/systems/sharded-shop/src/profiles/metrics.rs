//! What the service counts, and what it shows of its servers at `/metrics`.

use std::sync::atomic::AtomicU64;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use crate::service::metrics;

type ByServer = Family<[(&'static str, String); 1], Gauge<f64, AtomicU64>>;

/// One server, as it was last looked at.
#[derive(Clone, Debug)]
pub(super) struct ServerState {
    pub(super) name: String,
    pub(super) is_read: bool,
    pub(super) lag_seconds: f64,
}

#[derive(Debug)]
pub(super) struct Metrics {
    registry: Registry,
    /// By `operation`, `source` and `outcome`.
    requests: Family<[(&'static str, &'static str); 3], Counter>,
    /// Reads that the primary answered because no replica was recent enough.
    pub(super) fallbacks: Counter,
    /// Reads that nobody could answer as recent as they had to be.
    pub(super) refusals: Counter,
    /// Answers of replicas that showed less than was known of them.
    pub(super) short: Counter,
    /// Writes that the cache could not be told of yet.
    pending: Gauge,
    is_read: ByServer,
    lag: ByServer,
}

impl Metrics {
    pub(super) fn new() -> Self {
        let mut registry = Registry::with_prefix("profiles");
        let requests = Family::default();
        let (fallbacks, refusals) = (Counter::default(), Counter::default());
        let (short, pending) = (Counter::default(), Gauge::default());
        let (is_read, lag) = (ByServer::default(), ByServer::default());
        registry.register("requests", "Requests by operation, source, outcome", requests.clone());
        registry.register("fallbacks", "Reads by the primary for replicas", fallbacks.clone());
        registry.register("refusals", "Reads that nobody could answer", refusals.clone());
        registry.register("short", "Answers of a replica that went back", short.clone());
        registry.register("pending", "Writes that the cache does not know", pending.clone());
        registry.register("server_is_read", "Whether it is read as a replica", is_read.clone());
        registry.register("server_lag_seconds", "How far behind it is", lag.clone());
        Self { registry, requests, fallbacks, refusals, short, pending, is_read, lag }
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

    /// The text form, as things are now.
    pub(super) fn render(&self, servers: &[ServerState], pending: usize) -> String {
        self.pending.set(i64::try_from(pending).unwrap_or(i64::MAX));
        for server in servers {
            let labels = [("server", server.name.clone())];
            self.is_read.get_or_create(&labels).set(f64::from(u8::from(server.is_read)));
            self.lag.get_or_create(&labels).set(server.lag_seconds);
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
        metrics.fallbacks.inc();
        metrics.answered("read", "replica", "ok");
        let state = ServerState { name: "core-b".to_owned(), is_read: true, lag_seconds: 0.5 };
        let text = metrics.render(&[state], 3);
        for line in [
            "profiles_fallbacks_total 1",
            r#"profiles_requests_total{operation="read",source="replica",outcome="ok"} 1"#,
            r#"profiles_server_lag_seconds{server="core-b"} 0.5"#,
            "profiles_pending 3",
        ] {
            assert!(text.contains(line), "{line} in {text}");
        }
    }
}
