//! What the voter and the monitor tell each other.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// What a voter found since its last report: the body of `POST /monitor/reports`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Report {
    /// One run of one voter.
    pub(crate) reporter: Uuid,
    /// Grows with each report; the same one may come twice, and counts once.
    pub(crate) sequence: u64,
    pub(crate) findings: Vec<Finding>,
}

/// What it found of one replica.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Finding {
    pub(crate) replica: String,
    /// Calls that it answered.
    pub(crate) answers: u64,
    /// Calls that failed, or were not answered in time.
    pub(crate) failures: u64,
    /// What it said against the majority, about the very same version.
    pub(crate) dissents: Vec<Dissent>,
    /// Products that it had been wrong about, and has been right about since, often enough.
    pub(crate) cleared: Vec<String>,
    /// Whether its latency lies apart from that of the others.
    pub(crate) is_outlier: bool,
}

/// Wrong answers about one product.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Dissent {
    pub(crate) product: String,
    pub(crate) times: u64,
}

/// Whether a replica is to be counted on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub(crate) enum State {
    On,
    Off,
}

/// What a voter reads of `GET /monitor/status`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Status {
    pub(crate) replicas: Vec<ReplicaStatus>,
}

/// One replica in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ReplicaStatus {
    pub(crate) replica: String,
    pub(crate) state: State,
    /// Products that it was wrong about and not cleared of. They outlive the voter that found out.
    pub(crate) accused: Vec<String>,
}

impl Finding {
    /// Whether it says anything.
    pub(crate) fn is_news(&self) -> bool {
        let is_counted = self.answers > 0 || self.failures > 0;
        is_counted || self.is_outlier || !self.dissents.is_empty() || !self.cleared.is_empty()
    }
}
