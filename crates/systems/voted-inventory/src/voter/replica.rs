//! One replica as the voter sees it: where it is, and whether it is worth asking.

use std::sync::Arc;
use std::time::Duration;

use axum::http::StatusCode;
use standfast_tactics::circuit_breaker::{Mode, Outcome, Permit, Policy, SharedBreaker, State};
use standfast_tactics::deadline::Deadline;
use tokio::sync::Semaphore;

use super::question::{Said, Subject};
use super::statement::{read_all, read_one};
use crate::service::peer::{Call, CallError, Peer, PeerAddress, PeerLimits};

/// A list of a hundred products has 6 kB.
const ANSWER_LENGTH_MAX: usize = 1024 * 1024;

/// Replicas answer within milliseconds, and no client waits for a probe: the others decide. So
/// breaks are short, and what is back counts again within a second.
const BREAKER: Policy = Policy {
    window: 40,
    calls_min: 20,
    failure_rate: 0.5,
    failures_in_a_row: 5,
    slow_after: Duration::from_secs(1),
    slow_rate: 1.0,
    break_base: Duration::from_millis(100),
    break_max: Duration::from_secs(1),
    break_growth: 2.0,
    break_jitter: 0.2,
    probes: 1,
    half_open_max: Duration::from_secs(1),
};

/// What a call is about, and how long it may take.
#[derive(Clone, Debug)]
pub(super) struct Ask {
    pub(super) subject: Arc<Subject>,
    /// Up to where the replica should have applied the log.
    pub(super) version_min: Option<i64>,
    pub(super) deadline: Deadline,
    /// Whether the time is enough for silence to mean something.
    pub(super) is_fair: bool,
}

/// A replica.
#[derive(Debug)]
pub(super) struct Replica {
    /// As in `system.toml`, since events name it.
    pub(super) name: String,
    pub(super) breaker: SharedBreaker,
    peer: Peer,
    /// Who does not count is asked by one call at a time: to listen, not to load it.
    pub(super) shadow: Arc<Semaphore>,
}

impl Replica {
    pub(super) fn new(
        name: String,
        address: PeerAddress,
        calls_max: usize,
        mode: Mode,
        seed: u64,
    ) -> Self {
        let breaker = SharedBreaker::try_new(BREAKER, seed).expect("the policy is a constant");
        breaker.impose(mode);
        let limits = PeerLimits { calls_max, response_length_max: ANSWER_LENGTH_MAX };
        let (peer, shadow) = (Peer::new(address, limits), Arc::new(Semaphore::new(1)));
        Self { name, breaker, peer, shadow }
    }

    /// Asks it, and tells its breaker what came of that; without a permit, nobody is told.
    pub(super) async fn ask(&self, ask: &Ask, permit: Option<Permit>) -> Said {
        let call = Call::get(path(&ask.subject, ask.version_min));
        let result = self.peer.call(&call, ask.deadline).await;
        let (said, outcome) = match result {
            Ok(response) => read(&ask.subject, response.status, &response.body, &self.name),
            Err(CallError::Timeout) if !ask.is_fair => (Said::Unasked, Outcome::Ignored),
            Err(CallError::Busy | CallError::Request(_)) => (Said::Failed, Outcome::Ignored),
            Err(
                CallError::Timeout
                | CallError::Connect(_)
                | CallError::Broken(_)
                | CallError::Body(_),
            ) => (Said::Failed, Outcome::Failure),
        };
        if let Some(permit) = permit {
            let transition = permit.finish(outcome);
            if let Some(transition) = transition {
                tracing::info!(replica = self.name, ?transition, "circuit");
            }
        }
        said
    }

    /// Calls that are out, and connections that are kept.
    pub(super) fn occupancy(&self) -> (usize, usize) {
        self.peer.occupancy()
    }

    /// As metrics show it.
    pub(super) fn breaker_name(&self) -> &'static str {
        match self.breaker.state() {
            State::Closed => "closed",
            State::HalfOpen { .. } => "half-open",
            State::Open { .. } => "open",
        }
    }
}

/// Products are checked before they come here: nothing in their names has to be escaped.
fn path(subject: &Subject, version_min: Option<i64>) -> String {
    let path = match subject {
        Subject::One(product) => format!("/inventory/{product}"),
        Subject::All => "/inventory".to_owned(),
    };
    match version_min {
        Some(version) => format!("{path}?min_version={version}"),
        None => path,
    }
}

fn read(subject: &Subject, status: StatusCode, body: &[u8], replica: &str) -> (Said, Outcome) {
    let statements = match (subject, status) {
        (Subject::One(product), StatusCode::OK) => read_one(product, body),
        (Subject::All, StatusCode::OK) => read_all(body),
        (Subject::One(_), StatusCode::NOT_FOUND) => Ok(Vec::new()),
        (_, status) if status.is_client_error() => return (Said::Failed, Outcome::Ignored),
        _ => return (Said::Failed, Outcome::Failure),
    };
    match statements {
        Ok(statements) => (Said::Stock(statements), Outcome::Success),
        Err(error) => {
            tracing::warn!(replica, %error, "an answer is beyond belief");
            (Said::Failed, Outcome::Failure)
        }
    }
}
