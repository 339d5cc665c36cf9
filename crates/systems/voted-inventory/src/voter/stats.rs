//! The figures of votes, for `/voter/voting-stats`.

use std::time::Duration;

use serde::Serialize;
use tokio::time::Instant;

use super::latencies::Latencies;
use super::voting::Voter;

/// Milliseconds of the last thousand.
#[derive(Debug, Serialize)]
struct Latency {
    p50: Option<f64>,
    p95: Option<f64>,
    p99: Option<f64>,
}

impl Latency {
    fn of(latencies: &Latencies) -> Self {
        let ms = |took: Duration| took.as_secs_f64() * 1000.0;
        let [p50, p95, p99] = latencies.quantiles([0.5, 0.95, 0.99]).map(|took| took.map(ms));
        Self { p50, p95, p99 }
    }
}

#[derive(Debug, Serialize)]
struct ReplicaStats {
    replica: String,
    /// As the monitor says.
    is_off: bool,
    breaker: &'static str,
    agreed: u64,
    dissented: u64,
    dissent_rate: f64,
    lagged: u64,
    ahead: u64,
    failed: u64,
    not_asked: u64,
    late: u64,
    is_latency_outlier: bool,
    accused: Vec<String>,
    latency_ms: Latency,
}

/// The whole answer.
#[derive(Debug, Serialize)]
pub(super) struct Stats {
    votes: u64,
    agreed: u64,
    refused: u64,
    /// Share of votes that were agreed; nothing before the first.
    quorum_rate: Option<f64>,
    /// Decided while somebody who counts had not spoken.
    early_decisions: u64,
    asked_again: u64,
    is_monitor_heard: bool,
    latency_ms: Latency,
    replicas: Vec<ReplicaStats>,
}

impl Stats {
    pub(super) fn of(voter: &Voter, now: Instant) -> Self {
        let (off, is_monitor_heard) = {
            let marks = voter.marks();
            (marks.off(now), marks.is_heard(now))
        };
        let ledger = voter.ledger();
        let outliers = ledger.outliers();
        let replicas = voter.replicas.iter().enumerate().map(|(number, replica)| {
            let deeds = &ledger.deeds[number];
            let judged = (deeds.agreed + deeds.dissented).max(1);
            ReplicaStats {
                replica: replica.name.clone(),
                is_off: off[number],
                breaker: replica.breaker_name(),
                agreed: deeds.agreed,
                dissented: deeds.dissented,
                dissent_rate: deeds.dissented as f64 / judged as f64,
                lagged: deeds.lagged,
                ahead: deeds.ahead,
                failed: deeds.failed + deeds.silent,
                not_asked: deeds.absent,
                late: deeds.late,
                is_latency_outlier: outliers.contains(&number),
                accused: ledger.suspicions.of(number).map(str::to_owned).collect(),
                latency_ms: Latency::of(&deeds.took),
            }
        });
        let votes = &ledger.votes;
        let count = votes.agreed + votes.refused;
        Self {
            votes: count,
            agreed: votes.agreed,
            refused: votes.refused,
            quorum_rate: (count > 0).then(|| votes.agreed as f64 / count as f64),
            early_decisions: votes.early,
            asked_again: votes.asked_again,
            is_monitor_heard,
            latency_ms: Latency::of(&votes.took),
            replicas: replicas.collect(),
        }
    }
}
