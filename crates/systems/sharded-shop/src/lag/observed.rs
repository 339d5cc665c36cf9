//! All that was seen so far, shared by those who look and those who tell.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::Serialize;
use tokio::time::Instant;

use super::probe::AGAIN;
use super::settings::Settings;
use super::state::Markers;

/// What a primary says of one replica.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub(super) struct Replication {
    /// Of its log, in bytes, what the replica has not replayed.
    pub(super) behind_bytes: f64,
    pub(super) write_ms: Option<f64>,
    pub(super) flush_ms: Option<f64>,
    pub(super) replay_ms: Option<f64>,
    pub(super) sync_state: String,
}

/// The greatest and the mean of what was seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub(super) struct Spread {
    sum: f64,
    pub(super) count: u32,
    pub(super) max: f64,
    pub(super) last: f64,
}

impl Spread {
    pub(super) fn add(&mut self, value: f64) {
        self.sum += value;
        self.count += 1;
        self.max = self.max.max(value);
        self.last = value;
    }

    pub(super) fn mean(self) -> f64 {
        if self.count == 0 { 0.0 } else { self.sum / f64::from(self.count) }
    }
}

/// What `pg_stat_replication` said of a replica over the run.
#[derive(Clone, Debug, Default)]
pub(super) struct Told {
    pub(super) behind_bytes: Spread,
    pub(super) write_ms: Spread,
    pub(super) flush_ms: Spread,
    pub(super) replay_ms: Spread,
    pub(super) sync_state: String,
}

impl Told {
    fn add(&mut self, said: Replication) {
        self.behind_bytes.add(said.behind_bytes);
        let times = [
            (&mut self.write_ms, said.write_ms),
            (&mut self.flush_ms, said.flush_ms),
            (&mut self.replay_ms, said.replay_ms),
        ];
        for (spread, time) in times {
            // PostgreSQL says nothing of a replica that has caught up and is idle.
            spread.add(time.unwrap_or(0.0));
        }
        self.sync_state = said.sync_state;
    }
}

/// Who is connected to one server.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Connections {
    pub(super) all: Spread,
    pub(super) active: Spread,
}

/// What was asked of the primary and of the replicas.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Served {
    pub(super) writes: u64,
    pub(super) rows: u64,
    pub(super) reads: u64,
}

#[derive(Debug)]
pub(super) struct Seen {
    pub(super) markers: Markers,
    pub(super) replication: BTreeMap<String, Told>,
    pub(super) connections: BTreeMap<String, Connections>,
    /// The longest time that a statement was seen to run, by server and statement.
    pub(super) long_queries: BTreeMap<(String, String), f64>,
    /// Of each second of the load.
    pub(super) served: BTreeMap<u64, Served>,
    pub(super) total: Served,
}

/// Statements that are remembered; a service has not many, and an attack would have.
const LONG_QUERIES_MAX: usize = 200;

#[derive(Debug)]
pub(super) struct Observed {
    pub(super) nodes: Vec<String>,
    seen: Mutex<Seen>,
}

impl Observed {
    pub(super) fn new(settings: &Settings) -> Self {
        let nodes: Vec<String> = settings.nodes.iter().map(|node| node.name.clone()).collect();
        let seen = Seen {
            markers: Markers::new(nodes.len()),
            replication: BTreeMap::new(),
            connections: BTreeMap::new(),
            long_queries: BTreeMap::new(),
            served: BTreeMap::new(),
            total: Served::default(),
        };
        Self { nodes, seen: Mutex::new(seen) }
    }

    pub(super) fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Something was written or read; with the first of it, the load begins.
    pub(super) fn served(&self, more: Served) {
        let now = Instant::now();
        let mut seen = self.seen();
        // Readers looked rarely before the load, so what they see first they see late.
        seen.markers.begin(now + 2 * AGAIN);
        let begun = seen.markers.begun().unwrap_or(now);
        let second = now.saturating_duration_since(begun).as_secs();
        let seen = &mut *seen;
        for served in [seen.served.entry(second).or_default(), &mut seen.total] {
            served.writes += more.writes;
            served.rows += more.rows;
            served.reads += more.reads;
        }
    }

    /// What a primary said of a replica, once the load has begun.
    pub(super) fn replication(&self, replica: String, said: Replication) {
        let mut seen = self.seen();
        if seen.markers.begun().is_some() {
            seen.replication.entry(replica).or_default().add(said);
        }
    }

    pub(super) fn connections(&self, node: &str, all: f64, active: f64) {
        let mut seen = self.seen();
        if seen.markers.begun().is_some() {
            let connections = seen.connections.entry(node.to_owned()).or_default();
            connections.all.add(all);
            connections.active.add(active);
        }
    }

    pub(super) fn long_query(&self, node: &str, statement: String, ms: f64) {
        let mut seen = self.seen();
        let key = (node.to_owned(), statement);
        if seen.long_queries.len() < LONG_QUERIES_MAX || seen.long_queries.contains_key(&key) {
            let longest = seen.long_queries.entry(key).or_default();
            *longest = longest.max(ms);
        }
    }
}
