//! What became of requests, counted without a lock on the way, and shown at `/metrics`.

use std::fmt::Write;
use std::sync::atomic::{AtomicU64, Ordering};

use standfast_tactics::circuit_breaker::State;
use standfast_tactics::shed::Priority;

use super::assembly::Gateway;
use super::routes::Target;

/// What a request got.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// What its service answered.
    Passed,
    /// An answer of earlier.
    Stale,
    /// A stand-in.
    Degraded,
    /// 202: it is written down.
    Stored,
    /// 429: too much is asked for.
    Shed,
    /// The client's fault.
    Refused,
    /// The failure itself: only without the tactic, or when the disk fails too.
    Failed,
}

impl Fate {
    const ALL: [(Self, &'static str); 7] = [
        (Self::Passed, "passed"),
        (Self::Stale, "stale"),
        (Self::Degraded, "degraded"),
        (Self::Stored, "stored"),
        (Self::Shed, "shed"),
        (Self::Refused, "refused"),
        (Self::Failed, "failed"),
    ];
}

/// The counters of one gateway.
#[derive(Debug, Default)]
pub(super) struct Figures {
    fates: [[AtomicU64; 7]; 5],
    retries: [AtomicU64; 5],
}

impl Figures {
    pub(super) fn count(&self, target: Target, fate: Fate) {
        self.fates[target as usize][fate as usize].fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn retried(&self, target: Target) {
        self.retries[target as usize].fetch_add(1, Ordering::Relaxed);
    }

    /// The text form, with what `gateway` knows now.
    pub(super) fn render(&self, gateway: &Gateway) -> String {
        let mut text = Text::default();
        text.begin("gateway_requests_total", "counter", "Requests by service and what they got");
        for target in Target::ALL {
            for (fate, name) in Fate::ALL {
                let count = self.fates[target as usize][fate as usize].load(Ordering::Relaxed);
                let labels = [("service", target.name()), ("fate", name)];
                text.line("gateway_requests_total", &labels, count as f64);
            }
        }
        text.begin("gateway_upstream", "gauge", "By `what`, of each service");
        for target in Target::ALL {
            for (what, value) in self.of_upstream(gateway, target) {
                let labels = [("service", target.name()), ("what", what)];
                text.line("gateway_upstream", &labels, value);
            }
        }
        text.begin("gateway_journal", "gauge", "Requests that wait, and that were delivered");
        if let Some(shelf) = gateway.shelf() {
            let (waiting, delivered) = shelf.counts();
            text.line("gateway_journal", &[("what", "waiting")], waiting as f64);
            text.line("gateway_journal", &[("what", "delivered")], delivered as f64);
        }
        text.begin("gateway_last_good", "gauge", "Questions to which an answer is known");
        if let Some(last_good) = gateway.last_good() {
            text.line("gateway_last_good", &[], last_good.len() as f64);
        }
        text.begin("gateway_shedding", "gauge", "The limit, and who was refused by it");
        if let Some(gate) = gateway.gate() {
            text.line("gateway_shedding", &[("what", "limit")], gate.look(|it| it.limit()).into());
            let running = gate.look(|it| it.running());
            text.line("gateway_shedding", &[("what", "running")], running.into());
            for priority in Priority::ALL {
                let refused = gate.look(|it| it.counts(priority).refused);
                let labels = [("what", "refused"), ("priority", priority.name())];
                text.line("gateway_shedding", &labels, refused as f64);
            }
        }
        text.0
    }

    fn of_upstream(&self, gateway: &Gateway, target: Target) -> Vec<(&'static str, f64)> {
        let Some(upstream) = gateway.upstream(target) else { return Vec::new() };
        let (running, waiting) = upstream.occupancy();
        let idle: usize = upstream.instances().iter().map(|instance| instance.idle()).sum();
        let mut all = vec![
            ("calling", running as f64),
            ("queued", waiting as f64),
            ("connections_idle", idle as f64),
            ("retries", self.retries[target as usize].load(Ordering::Relaxed) as f64),
            ("hedges", upstream.hedges.load(Ordering::Relaxed) as f64),
        ];
        if let Some(circuit) = upstream.circuit() {
            let (counts, state) = (circuit.breaker().counts(), circuit.breaker().state());
            all.extend([
                ("breaker_closed", f64::from(u8::from(state == State::Closed))),
                ("breaker_opened", counts.opened as f64),
                ("breaker_refused", counts.refused as f64),
                ("failed", counts.failed as f64),
                ("slow", counts.slow as f64),
            ]);
        }
        all
    }
}

/// Prometheus's text format.
#[derive(Default)]
struct Text(String);

impl Text {
    fn begin(&mut self, name: &str, kind: &str, help: &str) {
        // Writing to a string cannot fail.
        let _ = write!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}\n");
    }

    fn line(&mut self, name: &str, labels: &[(&str, &str)], value: f64) {
        let labels: Vec<String> =
            labels.iter().map(|(name, value)| format!("{name}=\"{value}\"")).collect();
        let _ = writeln!(self.0, "{name}{{{}}} {value}", labels.join(","));
    }
}
