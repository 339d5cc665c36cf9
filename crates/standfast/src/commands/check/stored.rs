//! Reading a history and its readings, cut into trials.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde::Deserialize;
use standfast_history::{FinalRead, Operation, read_jsonl};
use standfast_lab::run::RunFolder;

use crate::cli::{ArmArgument, CheckArguments};
use crate::exit::{Exit, Failure};

/// A record that may say which trial it belongs to: what `standfast load` writes does not.
#[derive(Debug, Deserialize)]
struct Tagged<T> {
    #[serde(default)]
    arm: Option<String>,
    #[serde(default)]
    trial: Option<u32>,
    #[serde(flatten)]
    record: T,
}

/// One trial of one arm, or the whole history when it knows of neither.
#[derive(Debug, Default)]
pub(super) struct Part {
    pub(super) arm: Option<String>,
    pub(super) trial: Option<u32>,
    pub(super) operations: Vec<Operation>,
    pub(super) finals: Vec<FinalRead>,
}

#[derive(Debug)]
pub(super) struct Stored {
    pub(super) parts: Vec<Part>,
}

impl Stored {
    pub(super) fn read(arguments: &CheckArguments) -> Result<Self, Failure> {
        let folder = RunFolder::at(&arguments.history);
        folder.check_single().map_err(|error| Failure::new(Exit::Usage, error))?;
        let path = match arguments.history.is_dir() {
            true => folder.history(),
            false => arguments.history.clone(),
        };
        let fail = |error| Failure::new(Exit::Usage, error);
        let operations: Vec<Tagged<Operation>> = read_jsonl(&path).map_err(fail)?;
        let finals: Vec<Tagged<FinalRead>> = match finals(&path, arguments.finals.as_deref()) {
            Some(path) => read_jsonl(&path).map_err(fail)?,
            None => Vec::new(),
        };
        known_scenarios(&operations, &arguments.scenario)?;
        let mut parts: BTreeMap<(Option<String>, Option<u32>), Part> = BTreeMap::new();
        for Tagged { arm, trial, record } in operations {
            let is_named =
                arguments.scenario.is_empty() || arguments.scenario.contains(&record.scenario);
            if is_arm(arguments.arm, arm.as_deref()) && is_named {
                parts.entry((arm, trial)).or_default().operations.push(record);
            }
        }
        for Tagged { arm, trial, record } in finals {
            if is_arm(arguments.arm, arm.as_deref()) {
                parts.entry((arm, trial)).or_default().finals.push(record);
            }
        }
        let parts = parts.into_iter().map(|((arm, trial), part)| Part { arm, trial, ..part });
        Ok(Self { parts: parts.collect() })
    }
}

/// The readings that are asked for, or those beside the history, if there are any.
fn finals(history: &Path, asked: Option<&Path>) -> Option<PathBuf> {
    let beside = ["finals.jsonl.zst", "finals.jsonl"].map(|name| history.with_file_name(name));
    asked.map(Path::to_owned).or_else(|| beside.into_iter().find(|path| path.exists()))
}

fn is_arm(wanted: ArmArgument, arm: Option<&str>) -> bool {
    match (wanted, arm) {
        (_, None) | (ArmArgument::Both, _) => true,
        (ArmArgument::Treatment, Some(arm)) => arm == "treatment",
        (ArmArgument::Control, Some(arm)) => arm == "control",
    }
}

fn known_scenarios(operations: &[Tagged<Operation>], asked: &[String]) -> Result<(), Failure> {
    let scenarios = operations.iter().map(|tagged| tagged.record.scenario.as_str());
    let known: BTreeSet<&str> = scenarios.collect();
    match asked.iter().find(|name| !known.contains(name.as_str())) {
        Some(name) => {
            let known: Vec<&str> = known.into_iter().collect();
            let known = known.join("`, `");
            Err(Failure::usage(format!("the history has no scenario `{name}`: it has `{known}`")))
        }
        None => Ok(()),
    }
}
