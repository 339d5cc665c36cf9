//! Sums one trial up: its phases and faults as figures, and whether it proves anything at all.

use standfast_checker::{Answers, Availability, Crowding, Latencies, Window, Windows, longest_gap};
use standfast_history::{MachineSample, Operation};

use crate::claim::{FaultRecord, TrialRecord, detected_after_ms, recovered_after_ms, windows};
use crate::spec;
use crate::verdict::{
    Delivery, FaultResult, LOAD_LATE, MachineUse, Phase, PhaseResult, TrialResult, figure,
};

/// Load counts as delivered when at most 1 % of it was sent later than this. The delay is in the
/// latencies anyway, which count from the intended time, so that less can only make a system look
/// worse than it is; beyond this, the generator and not the system may decide a claim. A shared
/// virtual machine loses its processor for 30 ms now and then, which no priority prevents.
pub const LATENESS_MS_MAX: f64 = 50.0;

/// Share of successes that a system must reach before anything is broken. A system that is not
/// well to begin with can prove nothing about its faults.
pub const BASELINE_SHARE_MIN: f64 = 0.99;

/// How late the lab may ask for a fault, in milliseconds. Later, the machine was too busy for the
/// timeline to mean what it says.
pub const FAULT_LATENESS_MS_MAX: f64 = 500.0;

/// Which trial it was.
#[derive(Clone, Copy, Debug)]
pub struct TrialHead {
    pub trial: u32,
    pub seed: u64,
    pub warm_up_us: u64,
    pub provisioned_in_ms: u64,
}

/// Everything about a trial except its claims.
pub(crate) fn trial_result(head: TrialHead, trial: &TrialRecord) -> TrialResult {
    let delivery = total_delivery(trial);
    TrialResult {
        trial: head.trial,
        seed: head.seed,
        zero_us: trial.zero_us,
        provisioned_in_ms: head.provisioned_in_ms,
        phases: phases(trial, head.warm_up_us),
        faults: trial.faults.iter().map(|fault| fault_result(trial, fault)).collect(),
        delivery,
        machine: machine_use(trial),
        problems: problems(trial, head.warm_up_us, &delivery),
    }
}

/// Why the trial proves nothing, whatever its figures say.
fn problems(trial: &TrialRecord, warm_up_us: u64, delivery: &Delivery) -> Vec<String> {
    let mut problems: Vec<String> =
        trial.faults.iter().filter_map(|fault| fault_problem(trial, fault)).collect();
    if delivery.intended == 0 {
        problems.push("load not delivered: no operation was intended".to_owned());
        return problems;
    }
    if delivery.lateness_p99_ms > LATENESS_MS_MAX {
        problems.push(format!(
            "{LOAD_LATE} sent 1 % of the requests more than {:.1} ms late, \
             {LATENESS_MS_MAX} ms are allowed",
            delivery.lateness_p99_ms
        ));
    }
    problems.extend(baseline_problem(trial, warm_up_us));
    problems
}

fn fault_problem(trial: &TrialRecord, fault: &FaultRecord) -> Option<String> {
    let what = &fault.fault;
    // Without its tactic a system may not get as far as the moment that a fault waits for. What
    // hit it before has hit it all the same; that it is hit less can only make it look better.
    let some_came = trial.faults.iter().any(|fault| fault.injected_us.is_some());
    if trial.lacks_tactic && fault.never_came() && some_came {
        return None;
    }
    if let Some(error) = &fault.error {
        return Some(format!("fault not in effect or not healed: {what}: {error}"));
    }
    let (Some(injecting_us), Some(_)) = (fault.injecting_us, fault.injected_us) else {
        return Some(format!("fault not in effect: {what} was not injected"));
    };
    let planned_us = trial.zero_us as f64 + fault.at.as_micros() as f64;
    let late_ms = (injecting_us as f64 - planned_us) / 1e3;
    (late_ms > FAULT_LATENESS_MS_MAX)
        .then(|| format!("fault too late: {what} was asked for {late_ms:.0} ms later than planned"))
}

/// The baseline is what lies before the first fault; without faults it is the warm-up.
fn baseline_problem(trial: &TrialRecord, warm_up_us: u64) -> Option<String> {
    let before = windows(trial, spec::Phase::Before);
    let baseline = if before.is_empty() { warm_up(trial, warm_up_us) } else { before };
    // What was still under way when the fault was asked for may have been hit by it.
    let begun = trial.faults.iter().filter_map(|fault| fault.injecting_us).min();
    let is_over = |operation: &&Operation| begun.is_none_or(|begun| operation.done_us < begun);
    let share = Availability::of(baseline.select(&trial.operations).filter(is_over)).proportion();
    match share.share() {
        // Without a fault the claims themselves are about the healthy system.
        None if trial.faults.is_empty() => None,
        None => Some("baseline not met: nothing was asked before the fault".to_owned()),
        Some(reached) if reached < BASELINE_SHARE_MIN => Some(format!(
            "baseline not met: {} of {} operations succeeded before any fault, {} are needed",
            share_text(reached),
            share.total,
            share_text(BASELINE_SHARE_MIN)
        )),
        Some(_) => None,
    }
}

fn share_text(share: f64) -> String {
    figure(share, spec::Unit::Share)
}

fn warm_up(trial: &TrialRecord, warm_up_us: u64) -> Windows {
    let from_us = trial.zero_us.saturating_sub(warm_up_us);
    Windows::from(Window { from_us, to_us: trial.zero_us })
}

fn phases(trial: &TrialRecord, warm_up_us: u64) -> Vec<PhaseResult> {
    let named = [
        (Phase::WarmUp, warm_up(trial, warm_up_us)),
        (Phase::Before, windows(trial, spec::Phase::Before)),
        (Phase::Fault, windows(trial, spec::Phase::Fault)),
        (Phase::After, windows(trial, spec::Phase::After)),
    ];
    let mut phases: Vec<PhaseResult> = named
        .iter()
        .filter(|(_, windows)| !windows.is_empty())
        .map(|(phase, windows)| phase_result(*phase, windows, &trial.operations))
        .collect();
    if !trial.faults.is_empty() {
        let steady = Windows::union(named[1..].iter().flat_map(|(_, windows)| windows.iter()));
        let run = Window { from_us: trial.zero_us, to_us: trial.end_us };
        let changing = phase_result(Phase::Changing, &gaps(&steady, run), &trial.operations);
        phases.push(changing);
    } else if let Some(run) = whole_run(trial) {
        phases.push(run);
    }
    phases
}

/// Without a fault the whole run is one phase.
fn whole_run(trial: &TrialRecord) -> Option<PhaseResult> {
    let run = windows(trial, spec::Phase::All);
    (!run.is_empty()).then(|| phase_result(Phase::Before, &run, &trial.operations))
}

/// What of `run` lies in none of `windows`.
fn gaps(windows: &Windows, run: Window) -> Windows {
    let mut from_us = run.from_us;
    let mut found = Vec::new();
    for window in windows.iter() {
        found.push(Window { from_us, to_us: window.from_us });
        from_us = window.to_us;
    }
    found.push(Window { from_us, to_us: run.to_us });
    Windows::union(found)
}

fn phase_result(phase: Phase, windows: &Windows, all: &[Operation]) -> PhaseResult {
    let inside: Vec<&Operation> = windows.select(all).collect();
    let counts = Availability::of(inside.iter().copied());
    let latencies = Latencies::of(inside.iter().copied(), Answers::All);
    let quantile = |q: f64| latencies.quantile_us(q).map(|us| us as f64 / 1e3);
    let gap = windows.iter().filter_map(|window| longest_gap(all, window)).max();
    PhaseResult {
        phase,
        length_ms: windows.length_us() as f64 / 1e3,
        intended: counts.intended(),
        ok: counts.ok,
        fail: counts.fail,
        info: counts.info,
        p50_ms: quantile(0.5),
        p95_ms: quantile(0.95),
        p99_ms: quantile(0.99),
        max_ms: quantile(1.0),
        gap_ms: gap.map(|us| us as f64 / 1e3),
    }
}

fn fault_result(trial: &TrialRecord, fault: &FaultRecord) -> FaultResult {
    let ms = |us: Option<u64>| us.map(|us| (us as f64 - trial.zero_us as f64) / 1e3);
    FaultResult {
        kind: fault.fault.kind.to_string(),
        target: fault.fault.target.clone(),
        parameters: fault.fault.parameters(),
        planned_ms: fault.at.as_secs_f64() * 1e3,
        after: fault.trigger.as_ref().map(|trigger| trigger.event.clone()),
        injecting_ms: ms(fault.injecting_us),
        injected_ms: ms(fault.injected_us),
        healing_ms: ms(fault.healing_us),
        healed_ms: ms(fault.healed_us),
        detected_after_ms: detected_after_ms(trial, fault),
        recovered_after_ms: recovered_after_ms(trial, fault),
        evidence: fault.evidence.clone(),
        hit: fault.hit,
        error: fault.error.clone(),
    }
}

fn total_delivery(trial: &TrialRecord) -> Delivery {
    trial.deliveries.values().fold(Delivery::default(), |sum, each| Delivery {
        intended: sum.intended + each.intended,
        missed: sum.missed + each.missed,
        lateness_p99_ms: sum.lateness_p99_ms.max(each.lateness_p99_ms),
        cpu_ms: sum.cpu_ms + each.cpu_ms,
    })
}

/// Spans that lie in the run by any part count whole.
fn machine_use(trial: &TrialRecord) -> Option<MachineUse> {
    let run = Window { from_us: trial.zero_us, to_us: trial.end_us };
    let meets = |sample: &&MachineSample| sample.from_us < run.to_us && run.from_us < sample.to_us;
    let samples: Vec<&MachineSample> = trial.machine.iter().filter(meets).collect();
    let length = |sample: &MachineSample| sample.to_us.saturating_sub(sample.from_us) as f64;
    let all: f64 = samples.iter().map(|sample| length(sample)).sum();
    if all <= 0.0 {
        return None;
    }
    let mean = |share: fn(&MachineSample) -> f64| {
        samples.iter().map(|sample| share(sample) * length(sample)).sum::<f64>() / all
    };
    let crowded_us = Crowding::of(samples.iter().copied()).covered_us(run);
    let late_us = samples.iter().map(|sample| sample.late_us).max().unwrap_or(0);
    Some(MachineUse {
        own: mean(|sample| sample.own),
        foreign: mean(|sample| sample.foreign),
        foreign_max: samples.iter().map(|sample| sample.foreign).fold(0.0, f64::max),
        stolen: mean(|sample| sample.stolen),
        crowded: crowded_us as f64 / run.length_us().max(1) as f64,
        late_ms_max: late_us as f64 / 1e3,
    })
}
