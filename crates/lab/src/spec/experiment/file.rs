//! The public format of `experiment.toml`, as it is written.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::super::quantity::Quantity;
use super::super::system::Brokers;
use super::super::units::{Length, Moment, Rate};
use super::artifact::ArtifactFile;
use super::reading::FinalFile;
use super::trigger::EventPattern;
use crate::fault::Fault;

/// A claim about a system under load and faults, and how to try it.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ExperimentFile {
    /// One sentence that can be true or false.
    pub title: String,
    /// A shipped system, or a folder with `system.toml`, relative to this file.
    #[serde(default = "own_folder")]
    pub system: String,
    /// How many brokers its log runs on, in the place of the one that it declares: 1, or 3 to 9.
    #[serde(default)]
    pub brokers: Option<Brokers>,
    /// The services and engines that it brings up, with all that these need; by default all.
    #[serde(default)]
    pub only: Option<Vec<String>>,
    /// Switched off in the control arm, which must look worse. A baseline names none.
    #[serde(default)]
    pub tactic: Option<String>,
    /// `full` for one that takes long: `run SYSTEM --quick` leaves it out.
    #[serde(default)]
    pub suite: Suite,
    #[serde(default = "one")]
    #[schemars(range(min = 1, max = 1000))]
    pub trials: u32,
    /// How long the measured run lasts.
    pub duration: Length,
    /// Load at the same rate before the run; it is not judged.
    #[serde(default)]
    pub warm_up: Option<Length>,
    /// How long the steady state must hold until the system counts as recovered.
    #[serde(default)]
    pub settle: Option<Length>,
    /// Variables per service, in both arms.
    #[serde(default)]
    pub environment: BTreeMap<String, BTreeMap<String, String>>,
    pub load: Vec<LoadFile>,
    #[serde(default)]
    pub timeline: Vec<TimedFaultFile>,
    /// What is read after the load, when everything is healed, for claims that need it.
    #[serde(default, rename = "final")]
    pub final_readings: Vec<FinalFile>,
    /// What is kept of every trial for people to look at.
    #[serde(default)]
    pub artifact: Vec<ArtifactFile>,
    pub claim: Vec<ClaimFile>,
}

pub(super) fn own_folder() -> String {
    ".".to_owned()
}

pub(super) fn one() -> u32 {
    1
}

/// Which runs of a whole system an experiment is part of. Whoever names it, runs it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Suite {
    /// Of all of them.
    #[default]
    Quick,
    /// Of those without `--quick`.
    Full,
}

impl Suite {
    pub fn name(self) -> &'static str {
        match self {
            Self::Quick => "quick",
            Self::Full => "full",
        }
    }
}

/// Requests of one scenario, sent when the schedule says so, whatever comes back.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LoadFile {
    /// A scenario of the system.
    pub scenario: String,
    pub rate: Rate,
    #[serde(default)]
    pub arrivals: Arrivals,
    /// The client's deadline, from the intended send time.
    #[serde(default)]
    pub timeout: Option<Length>,
    /// When it begins; by default with the run.
    #[serde(default)]
    pub from: Option<Moment>,
    /// How long it lasts; by default to the end of the run.
    #[serde(default, rename = "for")]
    pub length: Option<Moment>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Arrivals {
    /// Evenly spaced.
    #[default]
    Constant,
    /// As independent clients arrive.
    Poisson,
}

/// A fault and when it is injected.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TimedFaultFile {
    /// When it is injected; with `after`, from when on the event is waited for.
    pub at: Moment,
    /// It is injected when the first event that fits is reported. One that comes while an earlier
    /// fault of the list keeps the same process down does not count.
    #[serde(default)]
    pub after: Option<EventPattern>,
    /// How long the event is waited for; by default as long as the run allows. When it does not
    /// come, the trial proves nothing.
    #[serde(default)]
    pub within: Option<Moment>,
    pub fault: Fault,
    /// How long it lasts from its injection on. Without it, kill, restart, flush and reset are done
    /// at once, and all others last to the end of the run.
    #[serde(default, rename = "for")]
    pub length: Option<Moment>,
}

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Subject {
    /// Successful operations as a share of the intended ones.
    Availability,
    LatencyP50,
    LatencyP90,
    LatencyP95,
    LatencyP99,
    LatencyP999,
    LatencyMax,
    /// The longest wait for an answer that is no success.
    ErrorLatencyMax,
    /// The share of successful answers that came from `is`.
    Source,
    /// The share of all answers that had the status `is`: one such as 503, or a class such as
    /// `5xx`.
    Status,
    /// From the injection to the first event that names the target.
    Ttd,
    /// From the heal to the steady state.
    Ttr,
    /// The longest time without a success.
    Outage,
    /// The greatest age that an answer stated.
    StaleAgeMax,
    /// Answers that were staler than they said or may be, or that nobody wrote.
    Staleness,
    /// Answers that contradict another answer, or the truth, at the same version.
    WrongAnswers,
    /// Orders that are lost, invented or not decided, and stock or reports that do not agree with
    /// them.
    Ledger,
    /// Reads and writes of keys that no order in time explains, each key for itself.
    Linearizable,
    /// Transactions on lists that cannot have run one after the other.
    Serializable,
    /// More units taken than there were, or stock shown that cannot be left.
    Oversold,
    /// Items of carts that are lost, are back although they were removed, or differ between nodes.
    Cart,
    /// Moments in which two servers of a cluster took writes: pairs of reigns that overlap.
    TwoPrimaries,
    /// One measure divided by another.
    Ratio,
    /// A metric that a service exports.
    Metric,
    /// The share of requests that the load generator itself sent late.
    Missed,
}

/// Which part of the run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Until the first injection.
    Before,
    /// From the first injection to the last heal.
    Fault,
    /// From the last heal on.
    After,
    #[default]
    All,
}

/// Which answers a latency is taken over.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Answers {
    /// Every attempt; one that timed out counts with its whole wait.
    #[default]
    All,
    Ok,
    Failed,
}

/// How a metric becomes one figure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Aggregate {
    /// Its growth in the phase.
    Delta,
    /// Its growth per second.
    Rate,
    Max,
    Last,
}

/// What has to be true of a measure.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ClaimFile {
    pub that: Subject,
    #[serde(default)]
    pub during: Option<Phase>,
    /// A scenario, by default all; of a ratio, the measure that is divided; of `linearizable`,
    /// `serializable`, `oversold` and `cart`, all scenarios that read and write what is judged.
    #[serde(default)]
    pub of: Option<ScenarioOrMeasure>,
    /// Of a ratio: the measure that it is divided by.
    #[serde(default)]
    pub over: Option<MeasureFile>,
    /// Of a ratio of latencies: what is less than this counts as this. Below a millisecond or two,
    /// a busy machine doubles a latency by itself.
    #[serde(default)]
    pub resolution: Option<Length>,
    /// Of `source` and `status`: which.
    #[serde(default)]
    pub is: Option<TextOrNumber>,
    /// Of `ttd`: the detector, as `detected` events name it in `by`; by default whichever is first.
    #[serde(default)]
    pub by: Option<String>,
    #[serde(default)]
    pub answers: Option<Answers>,
    /// Of `staleness`: how old an answer may be that is not marked stale.
    #[serde(default)]
    pub fresh_within: Option<Length>,
    /// Of `staleness`: how old an answer may be that is marked stale.
    #[serde(default)]
    pub stale_within: Option<Length>,
    /// Of `metric`: its name, labels included when it has some.
    #[serde(default)]
    pub name: Option<String>,
    /// Of `metric`: who exports it.
    #[serde(default)]
    pub service: Option<String>,
    /// Of `metric`: `delta`, `rate`, `max` or `last`.
    #[serde(default, rename = "as")]
    pub aggregate: Option<Aggregate>,
    /// Of `wrong_answers`: the final reading that is trusted.
    #[serde(default)]
    pub truth: Option<String>,
    /// Of `ledger`: the final reading of all orders.
    #[serde(default)]
    pub orders: Option<String>,
    /// Of `ledger` and `oversold`: the final reading of stock.
    #[serde(default)]
    pub stock: Option<String>,
    /// Of `ledger`: the final reading of all reports, where each order is reported as well.
    #[serde(default)]
    pub reports: Option<String>,
    /// Of `ledger`: the scenario that cancels orders.
    #[serde(default)]
    pub cancels: Option<String>,
    /// Of `ledger`: statuses of orders that hold stock; by default `confirmed`.
    #[serde(default)]
    pub taken: Option<Vec<String>>,
    /// Of `ledger`: statuses of orders that nobody has decided about; by default `pending`.
    #[serde(default)]
    pub open: Option<Vec<String>>,
    /// Of `ledger`: statuses of reports that stand; by default `filed`.
    #[serde(default)]
    pub filed: Option<Vec<String>>,
    /// Of `linearizable`: what every key holds at first; by default what was read first.
    #[serde(default)]
    pub initial: Option<String>,
    /// Of `serializable`: whether the order is that of time as well; by default any order will do.
    #[serde(default)]
    pub strict: Option<bool>,
    /// Of `cart`: the final reading of all nodes.
    #[serde(default)]
    pub carts: Option<String>,
    /// Whether it is an objective of the service: the report lists these in a table of their own,
    /// with how much of what each allows was used up.
    #[serde(default)]
    pub slo: bool,
    /// Of a time: what theory allows, shown beside it. A limit may be a factor of it: `"1.1 x"`.
    #[serde(default)]
    pub bound: Option<Length>,
    /// The share of the trials in which it has to hold, such as `"95 %"`; by default all. For a
    /// limit from above this is the percentile over the trials.
    #[serde(default)]
    pub in_trials: Option<Quantity>,
    #[serde(default)]
    pub at_least: Option<Quantity>,
    #[serde(default)]
    pub at_most: Option<Quantity>,
    #[serde(default)]
    pub equals: Option<Quantity>,
}

/// A side of a ratio.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MeasureFile {
    pub that: Subject,
    #[serde(default)]
    pub during: Option<Phase>,
    #[serde(default)]
    pub of: Option<String>,
    #[serde(default)]
    pub is: Option<TextOrNumber>,
    #[serde(default)]
    pub by: Option<String>,
    #[serde(default)]
    pub answers: Option<Answers>,
    #[serde(default)]
    pub name: Option<String>,
    #[serde(default)]
    pub service: Option<String>,
    #[serde(default, rename = "as")]
    pub aggregate: Option<Aggregate>,
}

#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(
    untagged,
    expecting = "the name of a scenario, a list of them, or { that = …, of = … } in a ratio"
)]
pub enum ScenarioOrMeasure {
    Scenario(String),
    Scenarios(Vec<String>),
    Measure(MeasureFile),
}

#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(untagged, expecting = "a source such as \"cache\", or a status such as 503 or \"5xx\"")]
pub enum TextOrNumber {
    Number(u16),
    Text(String),
}
