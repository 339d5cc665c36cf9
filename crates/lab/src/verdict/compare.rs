//! Two runs of one experiment side by side: which claims moved further than the trials spread.

use serde::Serialize;

use super::outcome::Verdict;
use super::result::{Arm, ArmResult, ClaimResult, ExperimentResult};
use crate::spec::Unit;

/// Two runs, claim by claim.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Comparison {
    pub before: String,
    pub after: String,
    pub claims: Vec<ComparedClaim>,
    /// What makes the two hard to compare: another experiment, other loads, another duration.
    pub warnings: Vec<String>,
}

/// One claim in two runs.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ComparedClaim {
    pub arm: Arm,
    pub id: String,
    pub text: String,
    pub unit: Unit,
    pub before: Option<f64>,
    pub after: Option<f64>,
    pub verdict_before: Option<Verdict>,
    pub verdict_after: Option<Verdict>,
    /// Median after minus median before.
    pub delta: Option<f64>,
    pub change: Change,
}

/// Whether a difference means anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// Every trial after is on the better side of every trial before.
    Better,
    Worse,
    /// The trials of the two runs overlap.
    WithinSpread,
    /// A side has fewer than two trials or no figure: the spread is not known.
    NotComparable,
}

/// Compares two results claim by claim, by the ranges of their trials.
pub fn compare(before: &ExperimentResult, after: &ExperimentResult) -> Comparison {
    let mut claims = Vec::new();
    for arm in [Arm::Treatment, Arm::Control] {
        let (old, new) = (before.arm(arm), after.arm(arm));
        let find = |result: Option<&ArmResult>, id: &str| {
            result.and_then(|arm| arm.claims.iter().find(|claim| claim.id == id)).cloned()
        };
        let own = |result: Option<&ArmResult>| result.map_or(Vec::new(), |arm| arm.claims.clone());
        for claim in own(old) {
            let newer = find(new, &claim.id);
            claims.push(compare_claim(arm, Some(&claim), newer.as_ref()));
        }
        for claim in own(new) {
            if find(old, &claim.id).is_none() {
                claims.push(compare_claim(arm, None, Some(&claim)));
            }
        }
    }
    Comparison {
        before: before.started_at.clone(),
        after: after.started_at.clone(),
        claims: claims.into_iter().flatten().collect(),
        warnings: differences(before, after),
    }
}

fn compare_claim(
    arm: Arm,
    before: Option<&ClaimResult>,
    after: Option<&ClaimResult>,
) -> Option<ComparedClaim> {
    let named = after.or(before)?;
    let figure = |claim: Option<&ClaimResult>| claim.and_then(|claim| claim.measured);
    let delta = figure(before).zip(figure(after)).map(|(before, after)| after - before);
    Some(ComparedClaim {
        arm,
        id: named.id.clone(),
        text: named.text.clone(),
        unit: named.unit,
        before: figure(before),
        after: figure(after),
        verdict_before: before.map(|claim| claim.verdict),
        verdict_after: after.map(|claim| claim.verdict),
        delta,
        change: before.zip(after).map_or(Change::NotComparable, |(b, a)| change(b, a)),
    })
}

/// Better and worse are told by the margin, so that they do not depend on the kind of limit.
fn change(before: &ClaimResult, after: &ClaimResult) -> Change {
    let range = |claim: &ClaimResult| {
        let margins: Vec<f64> =
            claim.trials.iter().filter_map(|t| t.measured).map(|m| after.limit.margin(m)).collect();
        (margins.len() >= 2).then(|| {
            let low = margins.iter().copied().fold(f64::INFINITY, f64::min);
            let high = margins.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            (low, high)
        })
    };
    match range(before).zip(range(after)) {
        None => Change::NotComparable,
        Some(((_, before_high), (after_low, _))) if after_low > before_high => Change::Better,
        Some(((before_low, _), (_, after_high))) if after_high < before_low => Change::Worse,
        Some(_) => Change::WithinSpread,
    }
}

fn differences(before: &ExperimentResult, after: &ExperimentResult) -> Vec<String> {
    let mut warnings = Vec::new();
    if (&before.system, &before.experiment) != (&after.system, &after.experiment) {
        warnings.push(format!(
            "different experiments: {}/{} and {}/{}",
            before.system, before.experiment, after.system, after.experiment
        ));
    }
    if before.plan != after.plan {
        warnings.push("the plans differ: trials, duration, load or timeline".to_owned());
    }
    warnings
}
