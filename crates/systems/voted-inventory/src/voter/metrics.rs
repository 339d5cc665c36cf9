//! What the voter shows at `/metrics`.

use std::sync::atomic::AtomicU64;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use super::voting::Voter;
use crate::service::metrics::{self, raise};

type Labels<const N: usize> = [(&'static str, String); N];

/// Counters and gauges of one voter.
#[derive(Debug)]
pub(super) struct Metrics {
    registry: Registry,
    requests: Family<[(&'static str, &'static str); 1], Counter>,
    votes: Family<Labels<1>, Counter>,
    quorum_rate: Gauge<f64, AtomicU64>,
    asked_again: Counter,
    replies: Family<Labels<2>, Counter>,
    replica: Family<Labels<2>, Gauge<f64, AtomicU64>>,
}

impl Metrics {
    pub(super) fn new() -> Self {
        let mut registry = Registry::with_prefix("voter");
        let (requests, votes, quorum_rate) =
            (Family::default(), Family::default(), Gauge::default());
        let (asked_again, replies, replica) =
            (Counter::default(), Family::default(), Family::default());
        registry.register("requests", "Requests by outcome", requests.clone());
        registry.register("votes", "Votes by outcome: agreed, refused, early", votes.clone());
        let help = "Share of votes that were not refused";
        registry.register("quorum_rate", help, quorum_rate.clone());
        registry.register("asked_again", "Calls to replicas behind", asked_again.clone());
        registry.register("replies", "Replies by replica and standing", replies.clone());
        registry.register(
            "replica",
            "By `what`: calling, connections, is_breaker_closed, accused",
            replica.clone(),
        );
        Self { registry, requests, votes, quorum_rate, asked_again, replies, replica }
    }

    pub(super) fn answered(&self, outcome: &'static str) {
        self.requests.get_or_create(&[("outcome", outcome)]).inc();
    }

    /// The text form, with what is known now.
    pub(super) fn render(&self, voter: &Voter) -> String {
        self.read(voter);
        metrics::text(&self.registry)
    }

    fn read(&self, voter: &Voter) {
        let ledger = voter.ledger();
        let votes = &ledger.votes;
        raise(&self.asked_again, votes.asked_again);
        let refused = votes.refused as f64 / (votes.agreed + votes.refused).max(1) as f64;
        self.quorum_rate.set(1.0 - refused);
        for (outcome, count) in
            [("agreed", votes.agreed), ("refused", votes.refused), ("early", votes.early)]
        {
            raise(&self.votes.get_or_create(&[("outcome", outcome.to_owned())]), count);
        }
        for (replica, deeds) in voter.replicas.iter().zip(&ledger.deeds) {
            for (standing, count) in [
                ("agreed", deeds.agreed),
                ("dissented", deeds.dissented),
                ("lagged", deeds.lagged),
                ("ahead", deeds.ahead),
                ("unjudged", deeds.unjudged),
                ("failed", deeds.failed + deeds.silent),
                ("not_asked", deeds.absent),
                ("late", deeds.late),
            ] {
                let labels = [("replica", replica.name.clone()), ("standing", standing.to_owned())];
                raise(&self.replies.get_or_create(&labels), count);
            }
        }
        for (number, replica) in voter.replicas.iter().enumerate() {
            let (calling, connections) = replica.occupancy();
            for (what, value) in [
                ("calling", calling),
                ("connections", connections),
                ("is_breaker_closed", usize::from(replica.breaker.is_closed())),
                ("accused", ledger.suspicions.of(number).count()),
            ] {
                let labels = [("replica", replica.name.clone()), ("what", what.to_owned())];
                self.replica.get_or_create(&labels).set(value as f64);
            }
        }
    }
}
