//! `result.json`: everything that a run found out, as a stable and versioned document.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::outcome::{Outcome, Verdict};
use super::replacement::ReplacedTrial;
use super::trial::{Phase, Spread, TrialResult};
use crate::spec::Unit;

/// Changes only when a reader of the document would have to change.
pub const RESULT_SCHEMA: &str = "standfast/result/v1";

/// One run of one experiment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ExperimentResult {
    /// Always [`RESULT_SCHEMA`].
    pub schema: String,
    /// Short name, from the file name of the experiment.
    pub experiment: String,
    pub title: String,
    pub system: String,
    /// The tactic that the experiment proves; a baseline names none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tactic: Option<String>,
    /// RFC 3339, UTC.
    pub started_at: String,
    pub elapsed_ms: u64,
    pub seed: u64,
    /// The command that runs the same again.
    pub command: String,
    pub outcome: Outcome,
    pub verdict: Verdict,
    /// Whether the run proved something, in either direction.
    pub conclusive: bool,
    /// Why the verdict is what it is, the weightiest first.
    pub reasons: Vec<String>,
    /// What cost no verdict and is still worth knowing.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
    pub plan: PlanResult,
    pub arms: Vec<ArmResult>,
}

impl ExperimentResult {
    pub fn arm(&self, arm: Arm) -> Option<&ArmResult> {
        self.arms.iter().find(|result| result.arm == arm)
    }
}

/// What was intended, with every share turned into a time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PlanResult {
    pub trials: u32,
    pub duration_ms: u64,
    pub warm_up_ms: u64,
    pub settle_ms: u64,
    pub loads: Vec<PlannedLoad>,
    pub faults: Vec<PlannedFault>,
}

/// One stream of requests.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PlannedLoad {
    pub scenario: String,
    pub rate_per_s: f64,
    pub arrivals: String,
    pub timeout_ms: u64,
    pub from_ms: u64,
    pub for_ms: u64,
}

/// One entry of the timeline. Times count from the start of the measured run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PlannedFault {
    pub kind: String,
    pub target: String,
    /// Such as `200ms ± 20ms, upstream`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub parameters: String,
    /// With `after`, not before.
    pub at_ms: u64,
    /// The event that it waits for, such as `move of resharder with phase=copying`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
    /// How long it waits for that, from `at_ms` on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub within_ms: Option<u64>,
    /// Absent for a fault that is over at once, or lasts to the end of the run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub for_ms: Option<u64>,
}

/// The same run with the tactic, or without it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Arm {
    Treatment,
    Control,
}

impl Arm {
    pub fn name(self) -> &'static str {
        match self {
            Self::Treatment => "treatment",
            Self::Control => "control",
        }
    }
}

/// Everything about one arm.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ArmResult {
    pub arm: Arm,
    /// Tactics that were switched off.
    pub without: Vec<String>,
    /// How many trials ran to their end and count.
    pub trials: u32,
    pub claims: Vec<ClaimResult>,
    /// Figures over the trials, by name: `availability.fault`, `latency_p95_ms.fault`, … Those of
    /// faults are over all injections of all trials: `ttd_ms`, `ttr_ms`,
    /// `detected_after_ms.stop.replica`, … One that never came is none of them, and `n` is smaller.
    pub metrics: BTreeMap<String, Spread>,
    pub runs: Vec<TrialResult>,
    /// Trials that proved nothing because of the machine, and were run again.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub replaced: Vec<ReplacedTrial>,
}

/// One claim in one arm.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ClaimResult {
    /// Stable within the experiment: `1-availability-fault`.
    pub id: String,
    /// The claim in words: "availability during fault of search-hot is at least 100 %".
    pub text: String,
    /// What is measured: `availability`, `latency_p95`, …
    pub measure: String,
    /// The phase that it is about; absent for the whole run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub during: Option<Phase>,
    pub limit: Limit,
    pub unit: Unit,
    /// The scenario that it is about; absent for all of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scenario: Option<String>,
    /// Whether it is an objective of the service, `slo = true` in the experiment.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_objective: bool,
    /// Of an objective: the most of its error budget that a trial used up; above 1 it is spent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub budget_used: Option<f64>,
    /// What theory allows, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bound_ms: Option<f64>,
    /// The share of the trials in which it has to hold; absent when that is all of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub in_trials: Option<f64>,
    /// Median of the trials; shares from 0 to 1, times in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub measured: Option<f64>,
    /// The trial furthest to the wrong side, of those that have to hold: the verdict is about this
    /// one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub worst: Option<f64>,
    /// Distance of the worst trial from the limit; negative when it is on the wrong side.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub margin: Option<f64>,
    /// Operations or events that the figures rest on, over all trials.
    pub n: u64,
    /// Over the trials when there are several, else within the one trial.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interval: Option<IntervalResult>,
    pub verdict: Verdict,
    /// Trials in which the claim was refuted.
    pub refuted_in: u32,
    /// One value per trial, in their order.
    pub trials: Vec<ClaimTrial>,
}

/// What the claim demands.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Limit {
    AtLeast(f64),
    AtMost(f64),
    Equals(f64),
}

impl Limit {
    pub fn value(self) -> f64 {
        match self {
            Self::AtLeast(value) | Self::AtMost(value) | Self::Equals(value) => value,
        }
    }

    /// Distance from the limit, negative on the wrong side.
    pub fn margin(self, measured: f64) -> f64 {
        match self {
            Self::AtLeast(limit) => measured - limit,
            Self::AtMost(limit) => limit - measured,
            Self::Equals(limit) => -(measured - limit).abs(),
        }
    }
}

/// One claim in one trial.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ClaimTrial {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub measured: Option<f64>,
    pub n: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interval: Option<IntervalResult>,
    pub verdict: Verdict,
    /// Why nothing could be measured, or what the figure leaves open.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The first of what was counted, such as the operations that were wrong.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub evidence: Vec<String>,
    /// Of a figure that misses its limit: what the machine had to do with it, by stalls or with
    /// other programs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disturbance: Option<Disturbance>,
    /// Of an objective: how much of what it allows was used up, 1 being all of it. A p95 allows 5 %
    /// of the operations to be slower, an availability of 99.9 % allows one failure in a thousand.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub budget_used: Option<f64>,
}

impl ClaimTrial {
    /// Whether it is for the machine that nothing is known.
    pub fn is_spoiled(&self) -> bool {
        self.verdict == Verdict::Unknown && self.disturbance.is_some()
    }
}

/// How far the machine decided a figure.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Disturbance {
    /// The share of the operations that a stall explains, or other programs, from 0 to 1.
    pub share: f64,
    /// The share of those that fell into spans in which other programs took the processors.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub crowded: f64,
    /// The figure over all others; absent when they leave nothing to measure.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub undisturbed: Option<f64>,
}

/// A range that covers the true value with the stated confidence.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct IntervalResult {
    pub low: f64,
    pub high: f64,
    /// What the sample supports, from 0 to 1: five trials reach 0.9375 for a median.
    pub confidence: f64,
}

impl From<standfast_checker::Interval> for IntervalResult {
    fn from(interval: standfast_checker::Interval) -> Self {
        Self { low: interval.low, high: interval.high, confidence: interval.confidence }
    }
}

fn is_zero(share: &f64) -> bool {
    *share == 0.0
}
