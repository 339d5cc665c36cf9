//! `standfast run`: experiments in, verdicts out.

use std::path::PathBuf;

use standfast_engines::Tool;
use standfast_lab::report::{SuiteEntry, junit};
use standfast_lab::run::{
    Arms, Cancellation, ProgressSink, RunFolder, RunOptions, SuiteResult, run_experiment,
    write_suite,
};
use standfast_lab::spec::{Experiment, Given, Manager, Suite};
use standfast_lab::verdict::{ExperimentResult, Outcome, REPLACEMENTS_MAX};

use super::result_file::{self, cannot_write};
use super::selection::{Selection, Wanted, select};
use super::session::{self, Session};
use super::{progress, verdicts};
use crate::cli::{ArmArgument, RunArguments};
use crate::exit::{Answer, Exit, Failure};
use crate::output;

/// The seed when none is given: every run says which it used.
const SEED_DEFAULT: u64 = 1;

pub(super) async fn run(arguments: RunArguments) -> Answer {
    let suite = if arguments.quick { Suite::Quick } else { Suite::Full };
    let selection = select(Wanted {
        named: arguments.experiment.as_deref(),
        suite,
        given: Given { brokers: arguments.brokers, manager: arguments.manager },
    })?;
    check_without(&selection.experiments, &arguments.without)?;
    if !selection.left_out.is_empty() {
        let names = selection.left_out.join(", ");
        output::note(format!("Left out, since they take long: {names}"));
    }
    arguments.junit.as_deref().map_or(Ok(()), result_file::check)?;
    let session = Session::start()?;
    session.bring(&needed(&selection.experiments), arguments.yes).await?;
    let cancellation = Cancellation::new();
    interrupt_on_ctrl_c(&cancellation)?;
    let parent = folder_of(&selection, &arguments)?;
    let mut results: Vec<(RunFolder, ExperimentResult)> = Vec::new();
    let count = selection.experiments.len();
    for (index, experiment) in selection.experiments.iter().enumerate() {
        if cancellation.is_cancelled() {
            break;
        }
        let folder = run_folder(&selection, &parent, experiment)?;
        let (sink, stream) = ProgressSink::channel();
        let position = (count > 1).then(|| (index + 1, count));
        let display = tokio::spawn(progress::show(stream, position));
        let options = options(
            &selection,
            &arguments,
            &session,
            folder.clone(),
            Told { progress: sink, cancellation: cancellation.clone() },
        );
        let result = run_experiment(experiment, &options).await;
        // The display ends when the last sender of the stream does.
        drop(options);
        // The stream ends with the run; a display that failed is no reason to lose the result.
        drop(display.await);
        let result = result.map_err(|error| Failure::new(Exit::Bug, error))?;
        results.push((folder, result));
    }
    present(&selection, &arguments, &parent, &results)
}

/// What a run tells and is told.
struct Told {
    progress: ProgressSink,
    cancellation: Cancellation,
}

fn options(
    selection: &Selection,
    arguments: &RunArguments,
    session: &Session,
    folder: RunFolder,
    told: Told,
) -> RunOptions {
    let is_quick = arguments.quick || selection.is_showcase;
    RunOptions {
        home: session.home.clone(),
        spawner: session.spawner.clone(),
        serve_binary: session.binary.clone(),
        folder,
        arms: match (arguments.arm, arguments.manager) {
            // Nothing is switched off in a manager that is not the system's own.
            (ArmArgument::Both, Manager::Patroni) | (ArmArgument::Treatment, _) => Arms::Treatment,
            (ArmArgument::Both, Manager::Watchdog) => Arms::Both,
            (ArmArgument::Control, _) => Arms::Control,
        },
        without: arguments.without.clone(),
        trials: arguments.trials.or(is_quick.then_some(1)),
        replacements_max: REPLACEMENTS_MAX,
        seed: arguments.seed.unwrap_or(SEED_DEFAULT),
        command: command_line(),
        external: std::collections::BTreeMap::new(),
        watches_machine: true,
        keep: arguments.keep,
        progress: told.progress,
        cancellation: told.cancellation,
    }
}

/// A tactic that no chosen system knows would silently change nothing.
fn check_without(experiments: &[Experiment], without: &[String]) -> Result<(), Failure> {
    for tactic in without {
        for experiment in experiments {
            let known = &experiment.system.tactics;
            if !known.contains_key(tactic) {
                let names: Vec<_> = known.keys().map(String::as_str).collect();
                return Err(Failure::usage(format!(
                    "system `{}` has no tactic `{tactic}`; it has {}",
                    experiment.system.name,
                    names.join(", ")
                )));
            }
        }
    }
    Ok(())
}

fn needed(experiments: &[Experiment]) -> Vec<Tool> {
    let tools = experiments.iter().flat_map(|experiment| session::tools_of(&experiment.system));
    let mut tools: Vec<Tool> = tools.collect();
    tools.sort_unstable();
    tools.dedup();
    tools
}

/// The first Ctrl-C heals, stops and reports; the second leaves at once, and the guardian cleans
/// up.
fn interrupt_on_ctrl_c(cancellation: &Cancellation) -> Result<(), Failure> {
    let mut interrupt = super::signals::interrupt()?;
    let cancellation = cancellation.clone();
    tokio::spawn(async move {
        interrupt.recv().await;
        output::note(
            "\nInterrupted: healing faults and stopping the system (again to leave at once)",
        );
        cancellation.cancel();
        interrupt.recv().await;
        output::leave(Exit::Interrupted);
    });
    Ok(())
}

/// A folder of its own for several experiments; `--out` itself for one.
fn folder_of(selection: &Selection, arguments: &RunArguments) -> Result<PathBuf, Failure> {
    if selection.is_single {
        return Ok(arguments.out.clone());
    }
    let folder = RunFolder::create(&arguments.out, &selection.title);
    folder.map(|folder| folder.root).map_err(|error| cannot_write(&arguments.out, error))
}

fn run_folder(
    selection: &Selection,
    parent: &std::path::Path,
    experiment: &Experiment,
) -> Result<RunFolder, Failure> {
    if selection.is_single {
        return RunFolder::create(parent, &experiment.name)
            .map_err(|error| cannot_write(parent, error));
    }
    let root = parent.join(&experiment.name);
    std::fs::create_dir(&root).map_err(|error| cannot_write(&root, error))?;
    Ok(RunFolder::at(root))
}

fn present(
    selection: &Selection,
    arguments: &RunArguments,
    parent: &std::path::Path,
    results: &[(RunFolder, ExperimentResult)],
) -> Answer {
    let experiments: Vec<ExperimentResult> =
        results.iter().map(|(_, result)| result.clone()).collect();
    if let Some(path) = &arguments.junit {
        let text = junit(&selection.title, &experiments)
            .map_err(|error| Failure::new(Exit::Bug, error))?;
        std::fs::write(path, text).map_err(|error| cannot_write(path, error))?;
    }
    let (page, suite) = match results {
        [(folder, result)] if selection.is_single => {
            (folder.report(), SuiteResult { verdict: result.outcome, experiments })
        }
        _ => write_index(selection, parent, results)?,
    };
    let outcome = match suite.experiments.len() < selection.experiments.len() {
        true => Outcome::Interrupted,
        false => suite.verdict,
    };
    if arguments.json {
        match (selection.is_single, suite.experiments.as_slice()) {
            (true, [result]) => output::json(result),
            _ => output::json(&suite),
        }
    } else {
        verdicts::print(&suite.experiments, outcome);
        output::result(format!("\nReport: {}", page.display()));
    }
    Ok(Exit::from(outcome))
}

/// The index page and documents over several experiments.
fn write_index(
    selection: &Selection,
    parent: &std::path::Path,
    results: &[(RunFolder, ExperimentResult)],
) -> Result<(PathBuf, SuiteResult), Failure> {
    let entry = |(folder, result): &(RunFolder, ExperimentResult)| SuiteEntry {
        folder: folder.root.file_name().unwrap_or_default().to_string_lossy().into_owned(),
        result: result.clone(),
    };
    let entries: Vec<SuiteEntry> = results.iter().map(entry).collect();
    let suite = write_suite(&RunFolder::at(parent), &selection.title, &entries)
        .map_err(|error| Failure::new(Exit::Bug, error))?;
    Ok((parent.join("index.html"), suite))
}

/// What was typed, so that the report can say how to repeat it.
fn command_line() -> String {
    let words = std::env::args().skip(1).collect::<Vec<_>>().join(" ");
    format!("standfast {words}")
}
