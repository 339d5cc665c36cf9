//! Carries a plan out, step by step.

use std::time::Duration;

use super::error::SetupError;
use super::plan::Plan;
use super::step::Step;
use crate::find::find;
use crate::process::{CommandSpec, Spawner};

/// A browser is a hundred megabytes, and a mirror may be slow.
const STEP_WITHIN: Duration = Duration::from_secs(900);

/// Where a setup is.
#[derive(Clone, Debug)]
pub enum Progress {
    Started {
        step: usize,
        steps: usize,
        title: String,
        command: String,
    },
    Finished {
        step: usize,
        steps: usize,
    },
    /// The step failed, and its alternative is tried.
    Fallback {
        step: usize,
        complaint: String,
    },
}

/// Carries `plan` out and checks that it brought what was missing. Stops at the first step that
/// fails and has no alternative, but undoes what was meant for the time of the setup only.
///
/// # Errors
/// When root is needed and cannot be had: then nothing has been done, and the error holds the
/// commands. When a step fails.
pub async fn run(
    plan: Plan,
    spawner: &Spawner,
    progress: impl Fn(Progress),
) -> Result<(), SetupError> {
    if plan.lacks_apt {
        let packages = plan.missing.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        return Err(SetupError::NoPackageClient { packages });
    }
    if plan.lacks_root {
        return Err(SetupError::NeedsRoot { commands: plan.to_string() });
    }
    plan.home.prepare()?;
    let steps = plan.steps.len();
    let mut failure = None;
    for (index, step) in plan.steps.iter().enumerate() {
        if failure.is_some() && !step.undoes {
            continue;
        }
        let (title, command) = (step.title.clone(), step.to_string());
        progress(Progress::Started { step: index + 1, steps, title, command });
        let done = match take(step, spawner).await {
            Err(SetupError::Step { complaint, .. }) if can_fall_back(step) => {
                progress(Progress::Fallback { step: index + 1, complaint });
                take_all(&step.otherwise, spawner).await
            }
            done => done,
        };
        match done {
            Ok(()) => progress(Progress::Finished { step: index + 1, steps }),
            Err(error) => failure = failure.or(Some(error)),
        }
    }
    failure.map_or(Ok(()), Err)?;
    let missing: Vec<String> = plan
        .missing
        .iter()
        .filter(|tool| find(**tool, &plan.home).is_err())
        .map(ToString::to_string)
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    Err(SetupError::StillMissing { tools: missing.join(", ") })
}

fn can_fall_back(step: &Step) -> bool {
    let is_root = nix::unistd::Uid::effective().is_root();
    let has_sudo = |step: &Step| step.argv.first().is_some_and(|program| program == "sudo");
    !step.otherwise.is_empty() && step.otherwise.iter().all(|step| is_root || has_sudo(step))
}

async fn take_all(steps: &[Step], spawner: &Spawner) -> Result<(), SetupError> {
    let mut failure = None;
    for step in steps {
        if failure.is_none() || step.undoes {
            let done = take(step, spawner).await;
            failure = failure.or(done.err());
        }
    }
    failure.map_or(Ok(()), Err)
}

async fn take(step: &Step, spawner: &Spawner) -> Result<(), SetupError> {
    let (program, arguments) = step.argv.split_first().expect("a step names its program");
    let command = CommandSpec::new(step.title.clone(), program).arguments(arguments);
    let finished = spawner.run(command, STEP_WITHIN).await?;
    if finished.status.is_success() {
        return Ok(());
    }
    Err(SetupError::Step {
        command: step.to_string(),
        exit: finished.status,
        complaint: finished.complaint(),
    })
}
