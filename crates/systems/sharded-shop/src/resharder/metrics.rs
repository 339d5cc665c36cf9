//! What the resharder counts.

use std::collections::BTreeMap;
use std::sync::atomic::AtomicU64;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use serde_json::json;
use standfast_reshard::core::{Comparison, Ending, Phase, Record};

use crate::service::{events, metrics};

type Milliseconds = Gauge<f64, AtomicU64>;

#[derive(Debug)]
pub(super) struct Metrics {
    registry: Registry,
    pub(super) epoch: Gauge,
    pub(super) open: Gauge,
    /// 1 while this process holds the lock.
    pub(super) coordinating: Gauge,
    /// What bears the name of a move on any shard, at the last look.
    pub(super) traces: Gauge,
    pub(super) swept: Counter,
    /// Shards that could not be reached at the last look.
    pub(super) away: Gauge,
    /// By how they ended.
    ended: Family<[(&'static str, &'static str); 1], Counter>,
    resumed: Counter,
    pauses: Counter,
    pause_max: Milliseconds,
    pause_p99: Milliseconds,
    rows: Counter,
    differences: Counter,
    /// The longest of each move.
    longest: Mutex<BTreeMap<u64, Duration>>,
}

impl Metrics {
    pub(super) fn new() -> Self {
        let mut registry = Registry::with_prefix("resharder");
        let (epoch, open, coordinating) = (Gauge::default(), Gauge::default(), Gauge::default());
        registry.register("epoch", "Grows when slots change hands", epoch.clone());
        registry.register("moves_open", "Moves that have not ended", open.clone());
        registry.register("coordinating", "Whether it has the lock", coordinating.clone());
        let (traces, swept) = (Gauge::default(), Counter::default());
        registry.register("traces", "What moves have left on the shards", traces.clone());
        registry.register("swept", "Things taken away that nobody owned", swept.clone());
        let away = Gauge::default();
        registry.register("shards_away", "Shards that could not be reached", away.clone());
        let (ended, resumed) = (Family::default(), Counter::default());
        registry.register("moves_ended", "Moves by how they ended", ended.clone());
        registry.register("moves_resumed", "Moves found under way at a start", resumed.clone());
        let (pauses, rows, differences) =
            (Counter::default(), Counter::default(), Counter::default());
        let (pause_max, pause_p99) = (Milliseconds::default(), Milliseconds::default());
        registry.register("pauses", "Times that writers of moving slots waited", pauses.clone());
        registry.register("pause_ms_max", "The longest of them", pause_max.clone());
        let help = "The 99th percentile over moves of their longest";
        registry.register("pause_ms_p99", help, pause_p99.clone());
        registry.register("rows_compared", "Rows compared on both shards", rows.clone());
        registry.register("differences", "Slots found to differ", differences.clone());
        Self {
            registry,
            epoch,
            open,
            coordinating,
            traces,
            swept,
            away,
            ended,
            resumed,
            pauses,
            pause_max,
            pause_p99,
            rows,
            differences,
            longest: Mutex::default(),
        }
    }

    /// A move is in another phase, which is an event.
    pub(super) fn entered(&self, record: &Record) {
        let Record { id, source, target, slots, phase, problem, .. } = record;
        let fields = json!({
            "move": id, "phase": phase.name(), "from": source, "slots": slots.len(),
            "problem": problem,
        });
        events::report("move", target, fields);
        if let Phase::Ended { ending } = phase {
            self.ended.get_or_create(&[("ending", ending.name())]).inc();
        }
    }

    pub(super) fn resumed(&self, count: usize) {
        self.resumed.inc_by(count as u64);
    }

    pub(super) fn paused(&self, id: u64, pause: Duration) {
        self.pauses.inc();
        let mut longest = self.longest.lock().unwrap_or_else(PoisonError::into_inner);
        let of_move = longest.entry(id).or_default();
        *of_move = pause.max(*of_move);
        let mut sorted: Vec<Duration> = longest.values().copied().collect();
        sorted.sort_unstable();
        let ms = |pause: &Duration| pause.as_secs_f64() * 1e3;
        // Of n values the ⌈0.99 n⌉-th.
        self.pause_p99.set(sorted.get((sorted.len() * 99).div_ceil(100) - 1).map_or(0.0, ms));
        self.pause_max.set(sorted.last().map_or(0.0, ms));
    }

    pub(super) fn compared(&self, comparison: &Comparison) {
        self.rows.inc_by(comparison.rows);
        self.differences.inc_by(comparison.differences.len() as u64);
    }

    /// The text form.
    pub(super) fn render(&self) -> String {
        // So that all are there before the first move has ended.
        for ending in [Ending::Moved, Ending::Aborted, Ending::RolledBack] {
            drop(self.ended.get_or_create(&[("ending", ending.name())]));
        }
        metrics::text(&self.registry)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_pause_of_each_move_counts() {
        let metrics = Metrics::new();
        for (id, ms) in [(1, 20), (1, 30), (2, 10)] {
            metrics.paused(id, Duration::from_millis(ms));
        }
        let text = metrics.render();
        for line in [
            "resharder_pauses_total 3",
            "resharder_pause_ms_max 30.0",
            "resharder_pause_ms_p99 30.0",
            "resharder_moves_ended_total{ending=\"moved\"} 0",
        ] {
            assert!(text.contains(line), "{line} in {text}");
        }
    }
}
