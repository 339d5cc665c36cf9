//! How an experiment is to be run, and why a run cannot even be recorded.

use std::collections::BTreeMap;
use std::path::PathBuf;

use standfast_engines::Home;
use standfast_engines::process::Spawner;
use standfast_history::HistoryError;

use super::cancellation::Cancellation;
use super::progress::ProgressSink;
use super::stored::RunFolder;
use crate::report::ReportError;
use crate::spec::Experiment;
use crate::verdict::Arm;

/// Which arms are run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Arms {
    /// Both when the experiment names a tactic, else the treatment alone.
    #[default]
    Both,
    Treatment,
    Control,
}

/// How to run an experiment.
#[derive(Clone, Debug)]
pub struct RunOptions {
    pub home: Home,
    pub spawner: Spawner,
    /// The binary whose services `serve = "SYSTEM/SERVICE"` means.
    pub serve_binary: PathBuf,
    /// Where everything is written; it exists and is empty.
    pub folder: RunFolder,
    pub arms: Arms,
    /// Tactics that are switched off in the treatment arm. There is no control arm then: what is
    /// asked is whether the claims hold without them.
    pub without: Vec<String>,
    /// Instead of what the experiment says.
    pub trials: Option<u32>,
    /// How many trials of an arm may be run again because of the machine, and never more than are
    /// planned.
    pub replacements_max: u32,
    /// Everything random is drawn from it.
    pub seed: u64,
    /// The command that runs the same again.
    pub command: String,
    /// Engines that run elsewhere, with their URLs.
    pub external: BTreeMap<String, String>,
    /// Whether it is noted what other programs do to the machine, which may excuse what was slow.
    /// Tests, which run beside each other, ask for no excuse.
    pub watches_machine: bool,
    /// Whether the folders of the instances stay, to be looked into.
    pub keep: bool,
    pub progress: ProgressSink,
    pub cancellation: Cancellation,
}

/// One arm that is to be run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ArmPlan {
    pub(crate) arm: Arm,
    pub(crate) without: Vec<String>,
}

impl RunOptions {
    pub(crate) fn trials(&self, experiment: &Experiment) -> u32 {
        self.trials.unwrap_or(experiment.trials).max(1)
    }

    /// The arms in the order in which their trials alternate.
    pub(crate) fn arm_plans(&self, experiment: &Experiment) -> Vec<ArmPlan> {
        let treatment = ArmPlan { arm: Arm::Treatment, without: self.without.clone() };
        let control = experiment
            .tactic
            .as_ref()
            .filter(|_| self.without.is_empty())
            .map(|tactic| ArmPlan { arm: Arm::Control, without: vec![tactic.clone()] });
        match (self.arms, control) {
            (Arms::Both, Some(control)) => vec![treatment, control],
            (Arms::Control, Some(control)) => vec![control],
            (Arms::Both | Arms::Treatment | Arms::Control, _) => vec![treatment],
        }
    }
}

/// Why a run could not be recorded. Whatever happens to the system is no error but an outcome.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RunError {
    #[error("cannot write `{}`: {source}", path.display())]
    Write {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    #[error(transparent)]
    History(#[from] HistoryError),
    #[error(transparent)]
    Report(#[from] ReportError),
}
