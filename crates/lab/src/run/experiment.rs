//! Runs one experiment: trials of both arms in turn, and a verdict at the end.
//!
//! The arms alternate, so that a machine that grows slower during the run does so for both.

use std::collections::BTreeMap;
use std::time::Duration;

use standfast_history::{Event, Operation};
use tokio::time::Instant;

use super::arm_result::{FinishedTrial, arm_result, finish_trial};
use super::conclude::{Ending, ResultHead, conclude};
use super::environment::{EngineVersion, Environment};
use super::options::{ArmPlan, RunError, RunOptions};
use super::progress::{Place, Progress, Step};
use super::trial::{FinishedRecord, TrialEnd, TrialPlan};
use super::trial_result::TrialHead;
use super::writer::RunWriter;
use crate::report;
use crate::spec::Experiment;
use crate::verdict::{ArmResult, ExperimentResult};

/// Runs `experiment` and writes its folder. However the system behaves, the answer is a result;
/// `result.json` is written after every trial, so that a crash leaves what was found out.
///
/// # Errors
/// When the run folder cannot be written.
pub async fn run_experiment(
    experiment: &Experiment,
    options: &RunOptions,
) -> Result<ExperimentResult, RunError> {
    let mut runner = Runner::new(experiment, options);
    let folder = &options.folder;
    let environment =
        Environment::look(options.command.clone(), options.seed, engines(experiment, options));
    runner.writer.document(&folder.environment(), &environment)?;
    // Reports read both, also when no trial got far enough to write them.
    standfast_history::write_jsonl::<Event>(&folder.events(), [])?;
    standfast_history::write_jsonl::<Operation>(&folder.history(), [])?;
    options.progress.tell(Progress::Started {
        experiment: experiment.name.clone(),
        title: experiment.title.clone(),
        arms: runner.plans.iter().map(|plan| plan.arm).collect(),
        trials: runner.trials,
        trial_length: experiment.warm_up + experiment.duration,
        folder: folder.root.clone(),
    });
    runner.save(Ending::Running)?;
    let ending = runner.run_trials().await?;
    let result = runner.save(ending)?;
    report::report(folder)?;
    let junit = report::junit(&experiment.name, std::slice::from_ref(&result));
    let path = folder.junit();
    junit
        .map_err(std::io::Error::other)
        .and_then(|junit| std::fs::write(&path, junit))
        .map_err(|source| RunError::Write { path, source })?;
    options.progress.tell(Progress::Finished {
        outcome: result.outcome,
        reasons: result.reasons.clone(),
        folder: folder.root.clone(),
    });
    Ok(result)
}

struct Runner<'a> {
    experiment: &'a Experiment,
    options: &'a RunOptions,
    plans: Vec<ArmPlan>,
    trials: u32,
    finished: BTreeMap<&'static str, Vec<FinishedTrial>>,
    writer: RunWriter,
    started: Instant,
    started_at: String,
}

impl<'a> Runner<'a> {
    fn new(experiment: &'a Experiment, options: &'a RunOptions) -> Self {
        let now = time::OffsetDateTime::now_utc().replace_nanosecond(0);
        let now = now.expect("0 is a nanosecond");
        Self {
            experiment,
            options,
            plans: options.arm_plans(experiment),
            trials: options.trials(experiment),
            finished: BTreeMap::new(),
            writer: RunWriter::new(options.folder.clone()),
            started: Instant::now(),
            started_at: now
                .format(&time::format_description::well_known::Rfc3339)
                .unwrap_or_default(),
        }
    }

    async fn run_trials(&mut self) -> Result<Ending, RunError> {
        for trial in 1..=self.trials {
            for plan in self.plans.clone() {
                if let Some(ending) = self.run_trial(&plan, trial).await? {
                    return Ok(ending);
                }
                self.save(Ending::Running)?;
            }
        }
        Ok(Ending::Complete)
    }

    /// `None` when the run goes on.
    async fn run_trial(&mut self, arm: &ArmPlan, trial: u32) -> Result<Option<Ending>, RunError> {
        if self.options.cancellation.is_cancelled() {
            return Ok(Some(Ending::Interrupted));
        }
        let place = Place { arm: arm.arm, trial };
        // Both arms of a trial get the same requests at the same times.
        let seed = self.options.seed.wrapping_add(u64::from(trial) - 1);
        let plan =
            TrialPlan { experiment: self.experiment, options: self.options, arm, place, seed };
        match plan.run().await? {
            TrialEnd::Finished(finished) => {
                let not_restored = finished.not_restored.clone();
                self.finish(place, seed, *finished)?;
                Ok(not_restored.map(Ending::NotRestored))
            }
            TrialEnd::Interrupted(operations) => {
                self.writer.history(place, &operations)?;
                Ok(Some(Ending::Interrupted))
            }
            TrialEnd::Environment(reason) => Ok(Some(Ending::Environment(reason))),
            TrialEnd::NotRestored(reason) => Ok(Some(Ending::NotRestored(reason))),
        }
    }

    /// Saves the history first and judges it then: a checker that fails must not cost the record.
    fn finish(&mut self, place: Place, seed: u64, trial: FinishedRecord) -> Result<(), RunError> {
        self.options.progress.tell(Progress::Trial { place, step: Step::Checking });
        let FinishedRecord { record, provisioned_in, events_lost, not_restored: _ } = trial;
        self.writer.history(place, &record.operations)?;
        self.writer.finals(place, &record.finals)?;
        self.writer.latencies(place.arm, &record)?;
        let head = TrialHead {
            trial: place.trial,
            seed,
            warm_up_us: microseconds(self.experiment.warm_up),
            provisioned_in_ms: microseconds(provisioned_in) / 1000,
        };
        let mut finished = finish_trial(self.experiment, head, &record);
        if events_lost > 0 {
            let problem = format!("{events_lost} events were lost: services reported too many");
            finished.result.problems.push(problem);
        }
        let claims = self.experiment.claims.iter().zip(&finished.claims);
        self.options.progress.tell(Progress::TrialEnded {
            place,
            claims: claims.map(|(claim, trial)| (claim.text.clone(), trial.verdict)).collect(),
            problems: finished.result.problems.clone(),
        });
        self.finished.entry(place.arm.name()).or_default().push(finished);
        Ok(())
    }

    fn save(&self, ending: Ending) -> Result<ExperimentResult, RunError> {
        let head = ResultHead {
            started_at: self.started_at.clone(),
            elapsed: self.started.elapsed(),
            seed: self.options.seed,
            command: self.options.command.clone(),
            trials: self.trials,
        };
        let result = conclude(self.experiment, head, self.arms(), ending);
        self.writer.result(&result)?;
        Ok(result)
    }

    fn arms(&self) -> Vec<ArmResult> {
        let none = Vec::new();
        let arm = |plan: &ArmPlan| {
            let trials = self.finished.get(plan.arm.name()).unwrap_or(&none);
            arm_result(plan.arm, &plan.without, self.experiment, trials)
        };
        self.plans.iter().map(arm).collect()
    }
}

/// Versions of the engines that take part; one that is missing is an error of the provisioning.
fn engines(experiment: &Experiment, options: &RunOptions) -> Vec<EngineVersion> {
    let version = |(name, engine): (&String, &crate::spec::EngineDeclaration)| {
        if options.external.contains_key(name) {
            let (version, path) = ("elsewhere".to_owned(), String::new());
            return Some(EngineVersion {
                name: name.clone(),
                kind: engine.kind.to_string(),
                version,
                path,
            });
        }
        let kind = standfast_engines::EngineKind::from(engine.kind);
        let found = standfast_engines::find(kind.tool(), &options.home).ok()?;
        Some(EngineVersion {
            name: name.clone(),
            kind: found.flavour,
            version: found.version,
            path: found.path.display().to_string(),
        })
    };
    experiment.system.engines.iter().filter_map(version).collect()
}

fn microseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}
