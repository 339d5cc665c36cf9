//! Runs one experiment: trials of both arms in turn, and a verdict at the end.
//!
//! The arms alternate, so that a machine that grows slower during the run does so for both. A trial
//! that proves nothing because of the machine is run again, a few times at most.

use std::time::Duration;

use standfast_history::{Event, Operation};
use tokio::time::Instant;

use super::arm_result::finish_trial;
use super::arm_trials::ArmTrials;
use super::conclude::{Ending, ResultHead, conclude};
use super::environment::{EngineVersion, Environment};
use super::options::{RunError, RunOptions};
use super::progress::{Place, Progress, Step};
use super::trial::{FinishedRecord, TrialEnd, TrialPlan};
use super::trial_result::TrialHead;
use super::writer::RunWriter;
use crate::report;
use crate::spec::Experiment;
use crate::verdict::ExperimentResult;

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
        arms: runner.arms.iter().map(|arm| arm.plan().arm).collect(),
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

/// How a run goes on after a trial.
enum Next {
    GoOn,
    /// The trial does not count and is run again, by this number.
    Again(u32),
    End(Ending),
}

struct Runner<'a> {
    experiment: &'a Experiment,
    options: &'a RunOptions,
    arms: Vec<ArmTrials>,
    trials: u32,
    writer: RunWriter,
    started: Instant,
    started_at: String,
}

impl<'a> Runner<'a> {
    fn new(experiment: &'a Experiment, options: &'a RunOptions) -> Self {
        let now = time::OffsetDateTime::now_utc().replace_nanosecond(0);
        let now = now.expect("0 is a nanosecond");
        let trials = options.trials(experiment);
        let arm = |plan| ArmTrials::new(plan, trials, options.replacements_max);
        Self {
            experiment,
            options,
            arms: options.arm_plans(experiment).into_iter().map(arm).collect(),
            trials,
            writer: RunWriter::new(options.folder.clone()),
            started: Instant::now(),
            started_at: now
                .format(&time::format_description::well_known::Rfc3339)
                .unwrap_or_default(),
        }
    }

    async fn run_trials(&mut self) -> Result<Ending, RunError> {
        for trial in 1..=self.trials {
            for arm in 0..self.arms.len() {
                // At once, so that both arms go on side by side.
                let mut next = Some(trial);
                while let Some(trial) = next {
                    next = match self.run_trial(arm, trial).await? {
                        Next::End(ending) => return Ok(ending),
                        Next::Again(by) => Some(by),
                        Next::GoOn => None,
                    };
                    self.save(Ending::Running)?;
                }
            }
        }
        Ok(Ending::Complete)
    }

    async fn run_trial(&mut self, arm: usize, trial: u32) -> Result<Next, RunError> {
        if self.options.cancellation.is_cancelled() {
            return Ok(Next::End(Ending::Interrupted));
        }
        let of_arm = self.arms[arm].plan();
        let place = Place { arm: of_arm.arm, trial };
        // Both arms of a trial get the same requests at the same times.
        let seed = self.options.seed.wrapping_add(u64::from(trial) - 1);
        let (experiment, options) = (self.experiment, self.options);
        let plan = TrialPlan { experiment, options, arm: of_arm, place, seed };
        let ending = match plan.run().await? {
            TrialEnd::Finished(finished) => return self.finish(arm, place, seed, *finished),
            TrialEnd::Interrupted(operations) => {
                self.writer.history(place, &operations)?;
                Ending::Interrupted
            }
            TrialEnd::Environment(reason) => Ending::Environment(reason),
            TrialEnd::NotRestored(reason) => Ending::NotRestored(reason),
        };
        Ok(Next::End(ending))
    }

    /// Saves the history first and judges it then: a checker that fails must not cost the record.
    fn finish(
        &mut self,
        arm: usize,
        place: Place,
        seed: u64,
        trial: FinishedRecord,
    ) -> Result<Next, RunError> {
        self.options.progress.tell(Progress::Trial { place, step: Step::Checking });
        let FinishedRecord { record, provisioned_in, events_lost, not_restored } = trial;
        self.writer.history(place, &record.operations)?;
        self.writer.finals(place, &record.finals)?;
        self.writer.evidence(place, self.experiment, &record)?;
        self.writer.machine(place, &record.machine)?;
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
        let of_arm = &mut self.arms[arm];
        let replaced = of_arm.replacement(&finished).filter(|_| not_restored.is_none());
        let claims = self.experiment.claims.iter().zip(&finished.claims);
        self.options.progress.tell(Progress::TrialEnded {
            place,
            claims: claims.map(|(claim, trial)| (claim.text.clone(), trial.verdict)).collect(),
            problems: finished.result.problems.clone(),
            replaced: replaced.clone(),
        });
        if let Some(replaced) = replaced {
            let by = replaced.by;
            of_arm.replace(replaced);
            return Ok(Next::Again(by));
        }
        of_arm.count(finished);
        self.writer.latencies(place.arm, &record)?;
        Ok(not_restored.map_or(Next::GoOn, |reason| Next::End(Ending::NotRestored(reason))))
    }

    fn save(&self, ending: Ending) -> Result<ExperimentResult, RunError> {
        let head = ResultHead {
            started_at: self.started_at.clone(),
            elapsed: self.started.elapsed(),
            seed: self.options.seed,
            command: self.options.command.clone(),
            trials: self.trials,
        };
        let arms = self.arms.iter().map(|arm| arm.result(self.experiment)).collect();
        let result = conclude(self.experiment, head, arms, ending);
        self.writer.result(&result)?;
        Ok(result)
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
