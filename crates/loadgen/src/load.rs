//! Open-loop load: plans go in, one operation for every intended attempt comes out.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use hdrhistogram::Histogram;
use standfast_history::Operation;
use tokio::time::Instant;

use crate::generator::{
    CONNECTIONS_MAX, Clock, Generator, Keep, Kept, LANES_MAX, LanePlan, Pace, Progress, Tallied,
};
use crate::scenario::{Answered, Requests, Scenario};
use crate::schedule::{Arrivals, Schedule, Window};

/// A run keeps every attempt in memory, at about a quarter of a kilobyte each.
const ATTEMPTS_MAX: f64 = 50_000_000.0;

/// Poisson arrivals may be more than the mean says: by six standard deviations once in 10^9 runs.
const POISSON_DEVIATIONS: f64 = 6.0;

/// Load of one scenario on one service.
#[derive(Clone, Debug)]
pub struct LoadPlan {
    pub scenario: Scenario,
    pub target: SocketAddr,
    pub rate_per_s: f64,
    pub arrivals: Arrivals,
    /// When the first attempt is intended, counted from the origin of the run.
    pub start: Duration,
    pub duration: Duration,
    /// The client's deadline, counted from the intended send time.
    pub timeout: Duration,
    /// An attempt that finds all of them busy waits for one.
    pub connections_max: usize,
    pub seed: u64,
}

/// Why load could not be started.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LoadError {
    #[error("there is nothing to run, or more than {LANES_MAX} plans")]
    Plans,
    #[error("load `{scenario}`: {reason}")]
    Plan { scenario: String, reason: String },
    #[error("cannot start the load generator; are there too many open files (`ulimit -n`)?")]
    Start(#[source] std::io::Error),
}

/// Load that is under way. Dropping it ends it at once.
#[derive(Debug)]
pub struct Load {
    generator: Generator,
    names: Vec<String>,
}

/// What came of one [`LoadPlan`].
#[derive(Clone, Debug)]
pub struct LoadOutcome {
    pub scenario: String,
    /// One for every intended attempt, in the order of the schedule.
    pub operations: Vec<Operation>,
    pub intended: u64,
    /// Attempts that the generator itself took up more than 1 ms late. Waiting for a connection or
    /// for the server is not its fault and is not counted here, but in the latency.
    pub missed: u64,
    /// How late attempts were taken up, in microseconds.
    pub lateness: Histogram<u64>,
    /// This plan's part of the CPU time of the generator.
    pub cpu: Duration,
}

/// Starts `plans` on a thread of their own. All times are counted from `origin`.
///
/// # Errors
/// When a plan cannot be delivered as it is written, or the machine gives no thread or no poll.
pub fn start(plans: Vec<LoadPlan>, origin: Instant) -> Result<Load, LoadError> {
    if plans.is_empty() || plans.len() > LANES_MAX {
        return Err(LoadError::Plans);
    }
    let names = plans.iter().map(|plan| plan.scenario.name().to_owned()).collect();
    let mut lanes = plans.into_iter().map(lane).collect::<Result<Vec<_>, _>>()?;
    hand_answers_on(&mut lanes)?;
    let generator = Generator::start(lanes, Clock::new(origin)).map_err(LoadError::Start)?;
    Ok(Load { generator, names })
}

impl Load {
    /// How far each plan is, in the order in which they were given.
    pub fn progress(&self) -> Vec<Progress> {
        self.generator.progress()
    }

    /// Takes up no further attempts. Those that were taken up still end, at the latest by their
    /// deadlines.
    pub fn stop(&self) {
        self.generator.stop();
    }

    /// Waits until every attempt has ended.
    ///
    /// # Panics
    /// When the generator's thread panicked, with its panic.
    pub async fn finish(self) -> Vec<LoadOutcome> {
        let Self { generator, names } = self;
        let results = generator.finish().await;
        let all: u64 = results.lanes.iter().map(|lane| lane.intended).sum();
        let outcome = |(scenario, lane): (String, Tallied)| {
            let Kept::Operations(operations) = lane.kept else {
                unreachable!("open-loop lanes keep operations");
            };
            LoadOutcome {
                scenario,
                operations,
                intended: lane.intended,
                missed: lane.missed,
                lateness: lane.lateness,
                cpu: share(results.cpu, lane.intended, all),
            }
        };
        names.into_iter().zip(results.lanes).map(outcome).collect()
    }
}

/// The lanes of a generator share its thread; an attempt costs about the same in each.
fn share(cpu: Duration, part: u64, whole: u64) -> Duration {
    #[expect(clippy::cast_precision_loss, reason = "a share needs no more than 52 bits")]
    let share = if whole == 0 { 0.0 } else { part as f64 / whole as f64 };
    cpu.mul_f64(share)
}

fn lane(plan: LoadPlan) -> Result<LanePlan, LoadError> {
    let attempts = plan.rate_per_s * plan.duration.as_secs_f64();
    let reason = if !plan.rate_per_s.is_finite() || plan.rate_per_s <= 0.0 {
        format!("a rate of {} per second is none", plan.rate_per_s)
    } else if attempts > ATTEMPTS_MAX {
        format!("{attempts:.0} attempts are more than {ATTEMPTS_MAX:.0}")
    } else if let Some(reason) = unusable(plan.timeout, plan.connections_max) {
        reason
    } else {
        let expected = attempts + POISSON_DEVIATIONS * attempts.sqrt() + 1.0;
        let window = Window { start: plan.start, duration: plan.duration };
        let schedule = Schedule::new(plan.arrivals, plan.rate_per_s, window, plan.seed);
        return Ok(LanePlan {
            requests: Requests::new(plan.scenario, plan.target, plan.seed),
            pace: Pace::open(schedule),
            target: plan.target,
            timeout: plan.timeout,
            connections_max: plan.connections_max,
            keep: Keep::Operations,
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "at most a little more than ATTEMPTS_MAX"
            )]
            expected: expected as usize,
        });
    };
    Err(LoadError::Plan { scenario: plan.scenario.name().to_owned(), reason })
}

/// Leads the ids that a scenario is answered to those that need them.
fn hand_answers_on(lanes: &mut [LanePlan]) -> Result<(), LoadError> {
    let mut sources: BTreeMap<String, Answered> = BTreeMap::new();
    for lane in lanes.iter_mut() {
        if let Some(of) = lane.requests.scenario().needs_answers_of() {
            let source = sources.entry(of.to_owned()).or_default().clone();
            lane.requests.take_from(source);
        }
    }
    for (of, source) in sources {
        let mut has_giver = false;
        for lane in lanes.iter_mut() {
            let scenario = lane.requests.scenario();
            if scenario.name() == of && scenario.observes_id() {
                lane.requests.offer_to(source.clone());
                has_giver = true;
            }
        }
        if !has_giver {
            let reason = "others need its ids, and it has no load or observes none".to_owned();
            return Err(LoadError::Plan { scenario: of, reason });
        }
    }
    Ok(())
}

/// Why no lane can run with these.
pub(crate) fn unusable(timeout: Duration, connections: usize) -> Option<String> {
    if timeout.is_zero() {
        Some("a timeout of zero leaves no time for any answer".to_owned())
    } else if connections == 0 || connections > CONNECTIONS_MAX {
        Some(format!("{connections} connections; there can be 1 to {CONNECTIONS_MAX}"))
    } else {
        None
    }
}
