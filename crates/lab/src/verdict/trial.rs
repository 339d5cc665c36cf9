//! What one trial contributes to `result.json`: phases, faults, and what went wrong with it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::result::IntervalResult;
use crate::fault::Hit;

/// One trial of one arm. Times count in milliseconds from the start of the measured run, so that
/// the warm-up is negative.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TrialResult {
    /// From 1.
    pub trial: u32,
    pub seed: u64,
    /// Where the measured run begins on the clock of `events.jsonl` and `history.jsonl.zst`.
    pub zero_us: u64,
    pub provisioned_in_ms: u64,
    pub phases: Vec<PhaseResult>,
    pub faults: Vec<FaultResult>,
    pub delivery: Delivery,
    /// Who used the processors meanwhile; absent when nobody watched, as where a part of the system
    /// runs elsewhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub machine: Option<MachineUse>,
    /// Why this trial proves nothing; empty when it counts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub problems: Vec<String>,
}

/// A span of the run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    WarmUp,
    /// Before the first fault is asked for.
    Before,
    /// A fault was asked for and is not yet verified, or is being healed.
    Changing,
    /// The faults are verified to be in effect.
    Fault,
    /// Every fault is verified to be healed.
    After,
}

impl Phase {
    pub fn name(self) -> &'static str {
        match self {
            Self::WarmUp => "warm-up",
            Self::Before => "before",
            Self::Changing => "changing",
            Self::Fault => "fault",
            Self::After => "after",
        }
    }
}

/// What clients saw in one phase.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PhaseResult {
    pub phase: Phase,
    pub length_ms: f64,
    pub intended: u64,
    pub ok: u64,
    pub fail: u64,
    /// Writes without an answer.
    pub info: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub p50_ms: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub p95_ms: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub p99_ms: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_ms: Option<f64>,
    /// Longest time without a success.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gap_ms: Option<f64>,
}

/// One fault as it really went.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct FaultResult {
    pub kind: String,
    pub target: String,
    /// Such as `200ms ± 20ms, upstream`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub parameters: String,
    /// Of one that waits for an event: when that came, or from when on it was waited for.
    pub planned_ms: f64,
    /// The event that it waits for, such as `move of resharder with phase=copying`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
    /// When the lab began to inject.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub injecting_ms: Option<f64>,
    /// When the fault was verified to be in effect.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub injected_ms: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub healing_ms: Option<f64>,
    /// When the target was verified to be back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub healed_ms: Option<f64>,
    /// From the verified effect to the first `detected` event that names the target.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detected_after_ms: Option<f64>,
    /// From the heal, or the verified effect of what nobody heals, to the steady state of all
    /// scenarios.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recovered_after_ms: Option<f64>,
    /// What showed that it was in effect: "process gone, port 5433 refuses".
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evidence: Option<String>,
    /// What came to a network fault while it lasted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hit: Option<Hit>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// Whether the load that was intended was really sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Delivery {
    pub intended: u64,
    /// Sent more than a millisecond late, for a reason of the generator.
    pub missed: u64,
    pub lateness_p99_ms: f64,
    /// Processor time of the generator.
    pub cpu_ms: f64,
}

/// Who used the processors in the measured run. Shares are from 0 to 1, those of `own` and so on of
/// all processors.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct MachineUse {
    /// The run itself: the lab, its generator, all engines and services.
    pub own: f64,
    /// Other programs that did not make way.
    pub foreign: f64,
    /// The most that they used in any fifth of a second.
    pub foreign_max: f64,
    /// The host of this machine, as far as it says so.
    pub stolen: f64,
    /// The share of the time in which other programs took so much that a thread with the priority
    /// of the services had to wait for a processor.
    pub crowded: f64,
    /// How late such a thread woke up at worst.
    pub late_ms_max: f64,
}

/// How a figure spread over the trials.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Spread {
    pub n: u64,
    pub median: f64,
    pub min: f64,
    pub max: f64,
    pub p95: f64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interval: Option<IntervalResult>,
}

impl From<standfast_checker::Summary> for Spread {
    fn from(summary: standfast_checker::Summary) -> Self {
        Self {
            n: summary.n,
            median: summary.median,
            min: summary.min,
            max: summary.max,
            p95: summary.p95,
            interval: summary.interval.map(Into::into),
        }
    }
}
