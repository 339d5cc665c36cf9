//! What the figures of a run say, whatever the machine had to do with them.
//!
//! For tests, which run beside each other and beside builds: the generator may send late there, and
//! a stall of the machine may excuse half a fault that lasts a second. They ask whether the lab
//! sees what they broke, which such a machine does not change. Whoever wants a verdict asks
//! [`judge`](super::judge::judge).

use super::judge::{ClaimHead, judge, judge_claim};
use super::outcome::{Outcome, Verdict};
use super::result::{ClaimResult, ClaimTrial, ExperimentResult};

/// The result as it would be if all that missed its limit counted, and the load had been in time.
/// Nothing holds by it that did not hold before.
pub fn as_measured(result: &ExperimentResult) -> ExperimentResult {
    let mut measured = result.clone();
    if !matches!(result.outcome, Outcome::Holds | Outcome::Refuted | Outcome::Unknown) {
        return measured;
    }
    for arm in &mut measured.arms {
        for run in &mut arm.runs {
            run.problems.retain(|problem| !problem.starts_with("load not delivered"));
        }
        for claim in arm.claims.iter_mut().filter(|claim| claim.trials.iter().any(is_spoiled)) {
            *claim = without_excuses(claim);
        }
    }
    let judgement = judge(&measured.arms, result.tactic.as_deref());
    measured.outcome = judgement.verdict.into();
    measured.verdict = judgement.verdict;
    measured.conclusive = measured.outcome.is_conclusive();
    (measured.reasons, measured.warnings) = (judgement.reasons, judgement.warnings);
    measured
}

/// Its outcome with the reasons.
pub fn outcome_if_delivered(result: &ExperimentResult) -> (Outcome, Vec<String>) {
    let measured = as_measured(result);
    (measured.outcome, measured.reasons)
}

fn is_spoiled(trial: &ClaimTrial) -> bool {
    trial.is_spoiled()
}

/// What the machine excused had missed its limit: nothing else is ever excused.
fn without_excuses(claim: &ClaimResult) -> ClaimResult {
    let head = ClaimHead {
        id: claim.id.clone(),
        text: claim.text.clone(),
        measure: claim.measure.clone(),
        during: claim.during,
        limit: claim.limit,
        unit: claim.unit,
        scenario: claim.scenario.clone(),
        is_objective: claim.is_objective,
        bound_ms: claim.bound_ms,
        in_trials: claim.in_trials.unwrap_or(1.0),
    };
    let held = |trial: &ClaimTrial| match trial.is_spoiled() {
        true => ClaimTrial { verdict: Verdict::Refuted, reason: None, ..trial.clone() },
        false => trial.clone(),
    };
    judge_claim(head, claim.trials.iter().map(held).collect())
}
