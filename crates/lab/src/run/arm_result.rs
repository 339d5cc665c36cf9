//! Sums the trials of an arm up: its claims, and figures that no claim asked for.

use std::collections::BTreeMap;

use standfast_checker::Summary;

use super::trial_result::{TrialHead, trial_result};
use crate::claim::{self, TrialRecord};
use crate::spec::Experiment;
use crate::verdict::{Arm, ArmResult, ClaimTrial, PhaseResult, Spread, TrialResult, judge_claim};

/// One finished trial of an arm; its claims stand in the order of the experiment.
#[derive(Clone, Debug)]
pub struct FinishedTrial {
    pub result: TrialResult,
    pub claims: Vec<ClaimTrial>,
}

/// Judges one trial by all claims of its experiment; its record is not needed any more.
pub fn finish_trial(
    experiment: &Experiment,
    head: TrialHead,
    record: &TrialRecord,
) -> FinishedTrial {
    FinishedTrial {
        result: trial_result(head, record),
        claims: experiment.claims.iter().map(|claim| claim::judge_trial(claim, record)).collect(),
    }
}

/// The arm over all trials that ran to their end.
pub fn arm_result(
    arm: Arm,
    without: &[String],
    experiment: &Experiment,
    trials: &[FinishedTrial],
) -> ArmResult {
    let claims = experiment.claims.iter().enumerate().map(|(index, claim)| {
        let of_claim = trials.iter().filter_map(|trial| trial.claims.get(index).cloned());
        judge_claim(claim::head(claim), of_claim.collect())
    });
    ArmResult {
        arm,
        without: without.to_vec(),
        trials: u32::try_from(trials.len()).unwrap_or(u32::MAX),
        claims: claims.collect(),
        metrics: metrics(trials),
        runs: trials.iter().map(|trial| trial.result.clone()).collect(),
        replaced: Vec::new(),
    }
}

fn metrics(trials: &[FinishedTrial]) -> BTreeMap<String, Spread> {
    let mut values: BTreeMap<String, Vec<f64>> = BTreeMap::new();
    let mut note = |name: String, value: Option<f64>| {
        if let Some(value) = value {
            values.entry(name).or_default().push(value);
        }
    };
    for trial in trials.iter().map(|trial| &trial.result) {
        note("provisioned_in_ms".to_owned(), Some(trial.provisioned_in_ms as f64));
        let delivery = &trial.delivery;
        if delivery.intended > 0 {
            let missed = delivery.missed as f64 / delivery.intended as f64;
            note("missed_share".to_owned(), Some(missed));
        }
        for phase in &trial.phases {
            let name = phase.phase.name().replace('-', "_");
            for (figure, value) in phase_figures(phase) {
                note(format!("{figure}.{name}"), value);
            }
        }
        for fault in &trial.faults {
            let place = format!("{}.{}", fault.kind, fault.target);
            let took =
                |from: Option<f64>, to: Option<f64>| from.zip(to).map(|(from, to)| to - from);
            note(format!("detected_after_ms.{place}"), fault.detected_after_ms);
            note(format!("recovered_after_ms.{place}"), fault.recovered_after_ms);
            // The same over all injections, whatever they hit.
            note("ttd_ms".to_owned(), fault.detected_after_ms);
            note("ttr_ms".to_owned(), fault.recovered_after_ms);
            note(format!("injected_in_ms.{place}"), took(fault.injecting_ms, fault.injected_ms));
            note(format!("healed_in_ms.{place}"), took(fault.healing_ms, fault.healed_ms));
        }
    }
    let summed = values.into_iter().filter_map(|(name, values)| {
        Summary::of(values).map(|summary| (name, Spread::from(summary)))
    });
    summed.collect()
}

fn phase_figures(phase: &PhaseResult) -> [(&'static str, Option<f64>); 6] {
    let share = (phase.intended > 0).then(|| phase.ok as f64 / phase.intended as f64);
    [
        ("availability", share),
        ("latency_p50_ms", phase.p50_ms),
        ("latency_p95_ms", phase.p95_ms),
        ("latency_p99_ms", phase.p99_ms),
        ("latency_max_ms", phase.max_ms),
        ("outage_ms", phase.gap_ms),
    ]
}
