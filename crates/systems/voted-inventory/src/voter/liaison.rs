//! What goes on beside requests: the monitor is told what votes have shown and asked whom to count,
//! and replicas that were wrong get the occasion to prove themselves.
//!
//! None of it is in the way of an answer: without a monitor, everybody counts.

use std::sync::Arc;
use std::time::Duration;

use standfast_tactics::deadline::Deadline;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};
use uuid::Uuid;

use super::super::monitor::{Report, State, Status};
use super::question::Subject;
use super::voting::{Purpose, Request, Voter};
use crate::service::peer::{Call, Peer, PeerLimits, Response};

/// What a report or a look at the status may take.
const CALL_TIME_MAX: Duration = Duration::from_millis(200);

/// A status has a few hundred bytes for each replica.
const LIMITS: PeerLimits = PeerLimits { calls_max: 1, response_length_max: 256 * 1024 };

/// Starts what goes on beside requests, for as long as the set lives.
pub(super) fn start(voter: &Arc<Voter>) -> JoinSet<()> {
    let mut tasks = JoinSet::new();
    if !voter.settings.tactics.vote {
        return tasks;
    }
    tasks.spawn(give_occasions(Arc::clone(voter)));
    if let Some(address) = &voter.settings.monitor {
        let peer = Peer::new(address.clone(), LIMITS);
        let (voter, reporter) = (Arc::clone(voter), Uuid::now_v7());
        tasks.spawn(Liaison { voter, peer, reporter, sequence: 0, untold: None }.run());
    }
    tasks
}

async fn give_occasions(voter: Arc<Voter>) {
    loop {
        tokio::time::sleep(voter.settings.probation_period).await;
        let Some(product) = voter.ledger().suspicions.next_product() else { continue };
        let deadline = Deadline::after(Instant::now(), voter.settings.vote_timeout);
        let request = Request { subject: Subject::One(product), version_min: None, deadline };
        if let Err(error) = voter.hold(request, Purpose::Probation).await {
            tracing::debug!(%error, "a vote on probation was undecided");
        }
    }
}

struct Liaison {
    voter: Arc<Voter>,
    peer: Peer,
    reporter: Uuid,
    sequence: u64,
    /// What the monitor has not acknowledged.
    untold: Option<Report>,
}

impl Liaison {
    async fn run(mut self) {
        let voter = Arc::clone(&self.voter);
        let period = voter.settings.report_period;
        loop {
            self.report().await;
            self.look().await;
            // Urgent news cut the pause short.
            drop(timeout(period, voter.urgent.notified()).await);
        }
    }

    /// Tells what is new. A report that may have arrived is sent again as it was, with its number:
    /// else it would count twice. What is found meanwhile adds up.
    async fn report(&mut self) {
        if self.untold.is_none() {
            let findings = self.voter.ledger().take_findings(&self.voter.names);
            if findings.is_empty() {
                return;
            }
            self.sequence += 1;
            let (reporter, sequence) = (self.reporter, self.sequence);
            self.untold = Some(Report { reporter, sequence, findings });
        }
        let body = serde_json::to_vec(&self.untold).expect("a report has string keys");
        let Some(response) = self.send(&Call::post("/monitor/reports", body)).await else { return };
        if response.status.is_client_error() {
            tracing::warn!(status = %response.status, "the monitor refuses a report");
        }
        if !response.status.is_server_error() {
            self.untold = None;
        }
    }

    async fn send(&self, call: &Call) -> Option<Response> {
        let deadline = Deadline::after(Instant::now(), CALL_TIME_MAX);
        match self.peer.call(call, deadline).await {
            Ok(response) => Some(response),
            Err(error) => {
                tracing::debug!(%error, path = call.path, "the monitor does not answer");
                None
            }
        }
    }

    /// Asks whom to count.
    async fn look(&self) {
        let Some(response) = self.send(&Call::get("/monitor/status")).await else { return };
        let Ok(status) = serde_json::from_slice::<Status>(&response.body) else {
            tracing::warn!(status = %response.status, "the monitor's status cannot be read");
            return;
        };
        let voter = &self.voter;
        let found = |name: &String| status.replicas.iter().find(|one| one.replica == *name);
        let off = voter
            .names
            .iter()
            .map(|name| found(name).is_some_and(|replica| replica.state == State::Off));
        voter.marks().hear(off.collect(), Instant::now());
        // What was found after the question was asked is not told there yet, and what has been
        // cleared since is: only a voter that has just begun has anything to learn from it.
        if self.sequence == 0 {
            for (number, name) in voter.names.iter().enumerate() {
                let accused = found(name).map_or(&[][..], |replica| &replica.accused);
                let change = voter.ledger().suspicions.adopt(number, accused);
                change.into_iter().for_each(|change| voter.tell(number, change));
            }
        }
    }
}
