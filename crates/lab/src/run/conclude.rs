//! From the arms of a run to `result.json`, however the run ended.

use std::time::Duration;

use crate::spec::{Arrivals, Experiment};
use crate::verdict::{
    ArmResult, ExperimentResult, Outcome, PlanResult, PlannedFault, PlannedLoad, RESULT_SCHEMA,
    Verdict, judge,
};

/// What does not depend on how the run went.
#[derive(Clone, Debug)]
pub struct ResultHead {
    /// RFC 3339, UTC.
    pub started_at: String,
    pub elapsed: Duration,
    pub seed: u64,
    pub command: String,
    pub trials: u32,
}

/// How the run ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    /// Every trial ran to its end.
    Complete,
    /// The run goes on: what is written now is what a crash would leave.
    Running,
    Interrupted,
    /// The system did not come up, with the reason.
    Environment(String),
    /// A fault could not be healed, with the reason.
    NotRestored(String),
    /// The lab itself failed, with the reason.
    Failed(String),
}

/// Judges the arms and writes the document. A run that did not end well has no verdict.
pub fn conclude(
    experiment: &Experiment,
    head: ResultHead,
    arms: Vec<ArmResult>,
    ending: Ending,
) -> ExperimentResult {
    let judgement = judge(&arms, experiment.tactic.as_deref());
    let cut_short = match ending {
        Ending::Complete => None,
        Ending::Running => Some((Outcome::Unknown, "the run did not end".to_owned())),
        Ending::Interrupted => {
            let finished: u32 = arms.iter().map(|arm| arm.trials).sum();
            Some((Outcome::Interrupted, format!("interrupted after {finished} finished trials")))
        }
        Ending::Environment(reason) => Some((Outcome::Environment, reason)),
        Ending::NotRestored(reason) => Some((Outcome::NotRestored, reason)),
        Ending::Failed(reason) => Some((Outcome::Bug, reason)),
    };
    let (outcome, verdict, reasons) = match cut_short {
        None => (judgement.verdict.into(), judgement.verdict, judgement.reasons),
        Some((outcome, reason)) => (outcome, Verdict::Unknown, vec![reason]),
    };
    ExperimentResult {
        schema: RESULT_SCHEMA.to_owned(),
        experiment: experiment.name.clone(),
        title: experiment.title.clone(),
        system: experiment.system.name.clone(),
        tactic: experiment.tactic.clone(),
        started_at: head.started_at,
        elapsed_ms: milliseconds(head.elapsed),
        seed: head.seed,
        command: head.command,
        outcome,
        verdict,
        conclusive: outcome.is_conclusive(),
        reasons,
        warnings: judgement.warnings,
        plan: plan(experiment, head.trials),
        arms,
    }
}

fn plan(experiment: &Experiment, trials: u32) -> PlanResult {
    let loads = experiment.load.iter().map(|load| PlannedLoad {
        scenario: load.scenario.clone(),
        rate_per_s: load.rate_per_s,
        arrivals: match load.arrivals {
            Arrivals::Constant => "constant".to_owned(),
            Arrivals::Poisson => "poisson".to_owned(),
        },
        timeout_ms: milliseconds(load.timeout),
        from_ms: milliseconds(load.from),
        for_ms: milliseconds(load.length),
    });
    let faults = experiment.timeline.iter().map(|timed| PlannedFault {
        kind: timed.fault.kind.to_string(),
        target: timed.fault.target.clone(),
        parameters: timed.fault.parameters(),
        at_ms: milliseconds(timed.at),
        after: timed.trigger.as_ref().map(|trigger| trigger.pattern.to_string()),
        within_ms: timed.trigger.as_ref().map(|trigger| milliseconds(trigger.within)),
        for_ms: match &timed.trigger {
            Some(trigger) => trigger.length.map(milliseconds),
            None => timed.until.map(|until| milliseconds(until.saturating_sub(timed.at))),
        },
    });
    PlanResult {
        trials,
        duration_ms: milliseconds(experiment.duration),
        warm_up_ms: milliseconds(experiment.warm_up),
        settle_ms: milliseconds(experiment.settle),
        loads: loads.collect(),
        faults: faults.collect(),
    }
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
