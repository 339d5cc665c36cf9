//! Closed-loop load: each client sends its next request when it has its answer.
//!
//! It measures what a server or the generator can do at most. It says nothing about latency under
//! a given load, because a server that stalls is asked less: for that, use [`crate::start`].

use std::net::SocketAddr;
use std::time::Duration;

use hdrhistogram::Histogram;
use tokio::time::Instant;

use crate::generator::{Clock, Generator, Keep, Kept, LanePlan, Pace, Progress};
use crate::load::{LoadError, unusable};
use crate::scenario::{Requests, Scenario};

/// What a closed loop does.
#[derive(Clone, Debug)]
pub struct ClosedPlan {
    pub scenario: Scenario,
    pub target: SocketAddr,
    /// Clients, each with a connection of its own.
    pub connections: usize,
    pub duration: Duration,
    pub timeout: Duration,
    pub seed: u64,
}

/// A closed loop that is under way. Dropping it ends it at once.
#[derive(Debug)]
pub struct ClosedLoad {
    generator: Generator,
    begun: Instant,
}

/// What came of a [`ClosedPlan`].
#[derive(Clone, Debug)]
pub struct ClosedOutcome {
    pub ok: u64,
    pub failed: u64,
    pub info: u64,
    /// Latencies of all attempts in microseconds, from the moment when each was sent.
    pub latency: Histogram<u64>,
    pub elapsed: Duration,
    /// CPU time of the generator.
    pub cpu: Duration,
}

/// Starts the loop at once.
///
/// # Errors
/// When the plan cannot be run, or the machine gives no thread or no poll.
pub fn start(plan: ClosedPlan) -> Result<ClosedLoad, LoadError> {
    if let Some(reason) = unusable(plan.timeout, plan.connections) {
        return Err(LoadError::Plan { scenario: plan.scenario.name().to_owned(), reason });
    }
    let lane = LanePlan {
        requests: Requests::new(plan.scenario, plan.target, plan.seed),
        pace: Pace::closed(plan.connections, plan.duration),
        target: plan.target,
        timeout: plan.timeout,
        connections_max: plan.connections,
        keep: Keep::Latencies,
        expected: 0,
    };
    let begun = Instant::now();
    let generator = Generator::start(vec![lane], Clock::new(begun)).map_err(LoadError::Start)?;
    Ok(ClosedLoad { generator, begun })
}

impl ClosedLoad {
    /// How far it is.
    ///
    /// # Panics
    /// Never: a closed loop has exactly one lane.
    pub fn progress(&self) -> Progress {
        self.generator.progress().pop().expect("a closed loop has one lane")
    }

    /// Lets no further request begin.
    pub fn stop(&self) {
        self.generator.stop();
    }

    /// Waits until every request has ended.
    ///
    /// # Panics
    /// When the generator's thread panicked, with its panic.
    pub async fn finish(self) -> ClosedOutcome {
        let results = self.generator.finish().await;
        let elapsed = self.begun.elapsed();
        let lane = results.lanes.into_iter().next().expect("a closed loop has one lane");
        let Kept::Latencies(latency) = lane.kept else {
            unreachable!("closed loops keep latencies");
        };
        let (ok, failed, info) = (lane.ok, lane.failed, lane.info);
        ClosedOutcome { ok, failed, info, latency, elapsed, cpu: results.cpu }
    }
}
