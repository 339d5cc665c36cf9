//! What the monitor shows at `/metrics`.

use std::sync::atomic::AtomicU64;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use standfast_tactics::detect::Standing;
use tokio::time::Instant;

use super::case::Detector;
use super::watching::Book;
use crate::service::metrics::{self, raise};

type Labels = [(&'static str, String); 2];
type Gauges = Family<Labels, Gauge<f64, AtomicU64>>;

/// Gauges and counters of the monitor.
#[derive(Debug)]
pub(super) struct Metrics {
    registry: Registry,
    standing: Gauges,
    found_after: Gauges,
    phi: Family<[(&'static str, String); 1], Gauge<f64, AtomicU64>>,
    signs: Family<Labels, Counter>,
    failures: Counter,
    unwritten: Gauge,
}

impl Metrics {
    pub(super) fn new(clock_scale: f64) -> Self {
        let mut registry = Registry::with_prefix("monitor");
        let (standing, found_after) = (Gauges::default(), Gauges::default());
        let (phi, signs) = (Family::default(), Family::default());
        let (failures, unwritten) = (Counter::default(), Gauge::default());
        let scale = Gauge::<f64, AtomicU64>::default();
        scale.set(clock_scale);
        registry.register("standing", "0 up, 1 suspect, 2 down; by detector", standing.clone());
        registry.register(
            "found_after_seconds",
            "From the last sign of life to the last detection, as the clock really went",
            found_after.clone(),
        );
        registry.register("phi", "How surprising the silence is", phi.clone());
        registry.register("signs", "By `what`: beats, pings, failed_pings", signs.clone());
        registry.register("failures", "Failures that any detector found", failures.clone());
        registry.register("unwritten", "Findings that wait for the database", unwritten.clone());
        registry.register("clock_scale", "By how much intervals are divided", scale);
        Self { registry, standing, found_after, phi, signs, failures, unwritten }
    }

    /// The text form, with what is in `book`.
    pub(super) fn render(&self, book: &Book, now: Instant) -> String {
        for one in &book.services {
            let service = || ("service", one.name.clone());
            for detector in Detector::ALL {
                let Some(standing) = one.case.standing(detector) else { continue };
                let value = match standing {
                    Standing::Up => 0.0,
                    Standing::Suspect => 1.0,
                    Standing::Down => 2.0,
                };
                let labels = [service(), ("detector", detector.name().to_owned())];
                self.standing.get_or_create(&labels).set(value);
                let newest = book.episodes.newest().find(|episode| episode.service == one.name);
                if let Some(after) = newest.and_then(|episode| episode.after(detector)) {
                    self.found_after.get_or_create(&labels).set(after.as_secs_f64());
                }
            }
            self.phi.get_or_create(&[service()]).set(one.case.phi(now).0);
            for (what, count) in [
                ("beats", one.case.beats),
                ("pings", one.case.pings),
                ("failed_pings", one.case.failed_pings),
            ] {
                raise(&self.signs.get_or_create(&[service(), ("what", what.to_owned())]), count);
            }
        }
        raise(&self.failures, book.episodes.found);
        self.unwritten.set(book.unwritten.len() as i64);
        metrics::text(&self.registry)
    }
}
