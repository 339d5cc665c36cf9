//! The rules by which claims and arms become one verdict. Pure: a stored run judged again agrees.
//!
//! A claim holds only when it holds in every trial. A trial that proves nothing (baseline not met,
//! fault without effect, load not delivered) makes the arm unknown whatever its figures say, unless
//! the machine was why and the trial could be run again. And a tactic is proven only by a control
//! arm that fares worse.

use standfast_checker::{Proportion, Summary};

use super::figure::{distance, figure, milliseconds};
use super::outcome::Verdict;
use super::replacement::ReplacedTrial;
use super::result::{Arm, ArmResult, ClaimResult, ClaimTrial, IntervalResult, Limit};
use super::trial::{FaultResult, Phase};
use crate::spec::Unit;

/// The verdict with its reasons, the weightiest first.
#[derive(Clone, Debug, PartialEq)]
pub struct Judgement {
    pub verdict: Verdict,
    pub reasons: Vec<String>,
    pub warnings: Vec<String>,
}

/// Judges the arms that were run. `tactic` is what the control arm switched off.
pub fn judge(arms: &[ArmResult], tactic: Option<&str>) -> Judgement {
    let treatment = arms.iter().find(|arm| arm.arm == Arm::Treatment);
    let control = arms.iter().find(|arm| arm.arm == Arm::Control);
    let Some(judged) = treatment.or(control) else {
        return unknown(vec!["no arm was run".to_owned()]);
    };
    let mut judgement = judge_arm(judged);
    match (tactic, treatment, control) {
        (Some(tactic), Some(treatment), Some(control)) if judgement.verdict == Verdict::Holds => {
            prove_tactic(tactic, treatment, control, &mut judgement);
        }
        (Some(tactic), Some(arm), None) if arm.without.is_empty() => judgement
            .warnings
            .push(format!("no control arm was run, so `{tactic}` is not proven to be the cause")),
        _ => {}
    }
    judgement.warnings.extend(arms.iter().flat_map(run_again));
    judgement.warnings.extend(arms.iter().flat_map(left_out));
    judgement.warnings.extend(arms.iter().flat_map(late_sends));
    judgement.warnings.extend(arms.iter().flat_map(crowded));
    judgement
}

fn run_again(arm: &ArmResult) -> impl Iterator<Item = String> {
    arm.replaced.iter().map(|replaced| {
        let ReplacedTrial { trial, by, reason, .. } = replaced;
        format!("{} trial {trial} was run again as trial {by}: {reason}", arm.arm.name())
    })
}

/// Faults of trials that count all the same: without its tactic the system never came to where they
/// were to hit it.
fn left_out(arm: &ArmResult) -> impl Iterator<Item = String> {
    arm.runs.iter().filter(|run| run.problems.is_empty()).filter_map(|run| {
        let left_out: Vec<&FaultResult> =
            run.faults.iter().filter(|fault| fault.injected_ms.is_none()).collect();
        let FaultResult { kind, target, error, .. } = left_out.first()?;
        let why = error.as_deref().unwrap_or("no reason is known");
        let (some, all) = (left_out.len(), run.faults.len());
        let place = format!("{} trial {}", arm.arm.name(), run.trial);
        Some(format!("{place}: {some} of {all} faults did not come: {kind} of {target}: {why}"))
    })
}

/// Share of sends that may be more than a millisecond late before the reader should know. Such a
/// delay is part of the latencies, so that it is a remark and not an objection.
const LATE_SHARE_REMARKABLE: f64 = 0.01;

fn late_sends(arm: &ArmResult) -> impl Iterator<Item = String> {
    arm.runs.iter().filter_map(|run| {
        let share = run.delivery.missed as f64 / run.delivery.intended.max(1) as f64;
        (share > LATE_SHARE_REMARKABLE).then(|| {
            format!(
                "{} trial {}: {} of the requests were sent more than 1 ms late (p99 {}), which \
                 their latencies include",
                arm.arm.name(),
                run.trial,
                figure(share, Unit::Share),
                milliseconds(run.delivery.lateness_p99_ms)
            )
        })
    })
}

/// Share of the time in which others may make the services wait before the reader should know.
const CROWDED_REMARKABLE: f64 = 0.05;

fn crowded(arm: &ArmResult) -> impl Iterator<Item = String> {
    arm.runs.iter().filter_map(|run| {
        let machine = run.machine.filter(|machine| machine.crowded > CROWDED_REMARKABLE)?;
        Some(format!(
            "{} trial {}: other programs used {} of the processors and made threads wait in {} of \
             the time, up to {}: what was slow may be slow because of them",
            arm.arm.name(),
            run.trial,
            figure(machine.foreign, Unit::Share),
            figure(machine.crowded, Unit::Share),
            milliseconds(machine.late_ms_max)
        ))
    })
}

fn unknown(reasons: Vec<String>) -> Judgement {
    Judgement { verdict: Verdict::Unknown, reasons, warnings: Vec::new() }
}

fn judge_arm(arm: &ArmResult) -> Judgement {
    let mut problems: Vec<String> = Vec::new();
    for run in &arm.runs {
        let place = format!("{} trial {}", arm.arm.name(), run.trial);
        problems.extend(run.problems.iter().map(|problem| format!("{place}: {problem}")));
    }
    if arm.trials == 0 && problems.is_empty() {
        problems.push(format!("no {} trial ran to its end", arm.arm.name()));
    }
    if arm.claims.is_empty() {
        problems.push("the experiment claims nothing".to_owned());
    }
    if !problems.is_empty() {
        return unknown(problems);
    }
    let with = |verdict| arm.claims.iter().filter(move |claim| claim.verdict == verdict);
    let refuted: Vec<String> = with(Verdict::Refuted).map(refutation).collect();
    if !refuted.is_empty() {
        return Judgement { verdict: Verdict::Refuted, reasons: refuted, warnings: Vec::new() };
    }
    let unmeasured: Vec<String> = with(Verdict::Unknown).map(missing).collect();
    if !unmeasured.is_empty() {
        return unknown(unmeasured);
    }
    let count = arm.claims.len();
    let reason = match (count, arm.trials) {
        (1, 1) => "the claim holds".to_owned(),
        (1, trials) => format!("the claim holds in each of {trials} trials"),
        (_, 1) => format!("all {count} claims hold"),
        (_, trials) => format!("all {count} claims hold in each of {trials} trials"),
    };
    Judgement { verdict: Verdict::Holds, reasons: vec![reason], warnings: Vec::new() }
}

/// The treatment holds; does the control arm show that the tactic is why?
fn prove_tactic(
    tactic: &str,
    treatment: &ArmResult,
    control: &ArmResult,
    judgement: &mut Judgement,
) {
    let conclusive = |run: usize| control.runs.get(run).is_some_and(|run| run.problems.is_empty());
    let conclusive_trials = (0..control.runs.len()).filter(|&run| conclusive(run)).count();
    if conclusive_trials == 0 {
        let problem = control.runs.iter().flat_map(|run| &run.problems).next();
        let why = problem.map_or("no trial of it ran to its end", String::as_str);
        *judgement = unknown(vec![format!("the control arm proves nothing: {why}")]);
        return;
    }
    let worse = control.claims.iter().find(|claim| {
        let trials = claim.trials.iter().enumerate();
        let refuted = trials
            .filter(|&(run, trial)| conclusive(run) && trial.verdict == Verdict::Refuted)
            .count();
        // One unlucky trial of five is chance, not a missing tactic.
        refuted * 2 > conclusive_trials
    });
    match worse {
        Some(claim) => {
            let with = treatment.claims.iter().find(|own| own.id == claim.id);
            let with = with.and_then(|own| own.measured).map(|value| figure(value, claim.unit));
            let without = claim.measured.map(|value| figure(value, claim.unit));
            judgement.reasons.push(format!(
                "without {tactic}: {} in the control arm, {} with it ({})",
                without.unwrap_or_else(|| "nothing".to_owned()),
                with.unwrap_or_else(|| "nothing".to_owned()),
                claim.text,
            ));
        }
        None => {
            *judgement = unknown(vec![format!(
                "the control arm without {tactic} meets every claim as well: \
                 the run does not show that the tactic is why"
            )]);
        }
    }
}

/// What identifies a claim, before anything was measured.
#[derive(Clone, Debug, PartialEq)]
pub struct ClaimHead {
    pub id: String,
    pub text: String,
    pub measure: String,
    pub during: Option<Phase>,
    pub limit: Limit,
    pub unit: Unit,
    /// `None` for all scenarios.
    pub scenario: Option<String>,
    pub is_objective: bool,
    /// What theory allows, in milliseconds.
    pub bound_ms: Option<f64>,
    /// The share of the trials in which it has to hold, from 0 to 1.
    pub in_trials: f64,
}

/// Sums up one claim over the trials of an arm.
pub fn judge_claim(claim: ClaimHead, trials: Vec<ClaimTrial>) -> ClaimResult {
    let ClaimHead { id, text, measure, during, limit, unit, .. } = claim;
    let ClaimHead { scenario, is_objective, bound_ms, in_trials, .. } = claim;
    let missed_max = missed_max(trials.len(), in_trials);
    let values: Vec<f64> = trials.iter().filter_map(|trial| trial.measured).collect();
    let mut by_margin = values.clone();
    by_margin.sort_by(|a, b| limit.margin(*a).total_cmp(&limit.margin(*b)));
    // A trial without a figure is one of those that may miss.
    let forgiven = missed_max.saturating_sub(trials.len() - values.len());
    let worst = by_margin.get(forgiven.min(by_margin.len().saturating_sub(1))).copied();
    let summary = Summary::of(values.iter().copied());
    let interval = match trials.as_slice() {
        [only] => only.interval,
        several if unit == Unit::Share => pooled(several),
        _ => summary.and_then(|summary| summary.interval).map(IntervalResult::from),
    };
    let count = |verdict| trials.iter().filter(|trial| trial.verdict == verdict).count();
    let (refuted_in, unknown_in) = (count(Verdict::Refuted), count(Verdict::Unknown));
    let verdict = match refuted_in + unknown_in {
        _ if trials.is_empty() => Verdict::Unknown,
        missed if missed <= missed_max => Verdict::Holds,
        _ if refuted_in > missed_max => Verdict::Refuted,
        _ => Verdict::Unknown,
    };
    ClaimResult {
        id,
        text,
        measure,
        during,
        limit,
        unit,
        scenario,
        is_objective,
        budget_used: trials.iter().filter_map(|trial| trial.budget_used).reduce(f64::max),
        bound_ms,
        in_trials: (in_trials < 1.0).then_some(in_trials),
        measured: summary.map(|summary| summary.median),
        worst,
        margin: worst.map(|worst| limit.margin(worst)),
        n: trials.iter().map(|trial| trial.n).sum(),
        interval,
        verdict,
        refuted_in: refuted_in as u32,
        trials,
    }
}

/// How many of `trials` may miss a limit that has to hold in a share of them: with 95 % of 20
/// trials one may, which is to say that the limit is on the 95th percentile by nearest rank.
fn missed_max(trials: usize, in_trials: f64) -> usize {
    // 0.95 * 20 is 19.000000000000004 in binary on some machines' way there.
    let needed = (in_trials * trials as f64 - 1e-9).ceil().max(0.0) as usize;
    trials.saturating_sub(needed)
}

/// Shares of several trials count as one large sample: a median of shares near 100 % would hide
/// how few operations stand behind it.
fn pooled(trials: &[ClaimTrial]) -> Option<IntervalResult> {
    let counted = trials.iter().filter_map(|trial| trial.measured.map(|share| (share, trial.n)));
    let sum = counted.fold(Proportion::default(), |sum, (share, n)| Proportion {
        hits: sum.hits + (share * n as f64).round() as u64,
        total: sum.total + n,
    });
    sum.interval().map(Into::into)
}

fn refutation(claim: &ClaimResult) -> String {
    let mut text = format!("refuted: {}", claim.text);
    if let (Some(worst), Some(margin)) = (claim.worst, claim.margin) {
        let (worst, off) = (figure(worst, claim.unit), distance(margin, claim.unit));
        text = format!("{text}; measured {worst}, off by {off}");
    }
    if claim.trials.len() > 1 {
        text = format!("{text}, in {} of {} trials", claim.refuted_in, claim.trials.len());
    }
    if let Some(first) = claim.trials.iter().find_map(|trial| trial.evidence.first()) {
        text = format!("{text}; {first}");
    }
    text
}

fn missing(claim: &ClaimResult) -> String {
    let open = claim.trials.iter().find(|trial| trial.reason.is_some());
    let reason = open.and_then(|trial| trial.reason.as_deref());
    let what =
        if open.is_some_and(ClaimTrial::is_spoiled) { "not decided" } else { "not measured" };
    format!("{what}: {}: {}", claim.text, reason.unwrap_or("no trial measured it"))
}
