//! Which trials are run again: those that prove nothing because of the machine, and no others.
//!
//! A trial that went wrong by itself stays, or a run would end well by trying often enough. So the
//! reason must be one that the system has no part in, and a refutation is never thrown away.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::outcome::Verdict;
use super::result::{Arm, ClaimTrial};
use super::trial::TrialResult;

/// A machine that spoils more trials of an arm than this is not the one to measure on.
pub const REPLACEMENTS_MAX: u32 = 3;

/// How the problem begins that the generator did not send in time.
pub(crate) const LOAD_LATE: &str = "load not delivered: the generator";

/// A trial that was run again. Its history, events and logs are kept beside those that count.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ReplacedTrial {
    pub trial: u32,
    pub seed: u64,
    /// The trial that took its place, with a seed of its own.
    pub by: u32,
    /// What the machine had to do with it.
    pub reason: String,
}

/// Why a trial is to be run again; `None` when it counts, whatever it shows.
pub fn reason_to_replace(arm: Arm, trial: &TrialResult, claims: &[ClaimTrial]) -> Option<String> {
    if trial.problems.iter().any(|problem| !problem.starts_with(LOAD_LATE)) {
        return None;
    }
    let late = trial.problems.first();
    // A control arm is expected to miss its claims. Where its load was late, that proves nothing.
    let may_miss = arm == Arm::Control && late.is_some();
    if !may_miss && claims.iter().any(|claim| claim.verdict == Verdict::Refuted) {
        return None;
    }
    let spoiled = claims.iter().find(|claim| claim.is_spoiled());
    late.or_else(|| spoiled.and_then(|claim| claim.reason.as_ref())).cloned()
}
