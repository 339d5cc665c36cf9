//! What most commands need: the state folder, the owner of children, the shipped systems.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;

use standfast_engines::process::{Guardian, Spawner};
use standfast_engines::{Home, Tool, setup};
use standfast_lab::spec::{ExperimentSource, SpecError, System, SystemSource};
use standfast_systems::{CATALOGUE, SystemFiles};

use crate::exit::{Exit, Failure};
use crate::output;

/// One invocation of standfast.
#[derive(Clone, Debug)]
pub(super) struct Session {
    pub(super) home: Home,
    pub(super) spawner: Spawner,
    /// This binary, whose services `serve = "SYSTEM/SERVICE"` means.
    pub(super) binary: PathBuf,
}

impl Session {
    pub(super) fn start() -> Result<Self, Failure> {
        let home = home()?;
        let bug = |error: anyhow::Error| Failure::new(Exit::Bug, error);
        let binary = std::env::current_exe().map_err(|error| bug(error.into()))?;
        let guardian =
            Guardian::Program { program: binary.clone(), arguments: vec![OsString::from("guard")] };
        let spawner = Spawner::start(guardian).map_err(|error| bug(error.into()))?;
        Ok(Self { home, spawner, binary })
    }

    /// Brings what `tools` lack, after asking when somebody can answer and `yes` was not given.
    pub(super) async fn bring(&self, tools: &[Tool], yes: bool) -> Result<(), Failure> {
        let plan = setup::plan(tools, &self.home);
        if plan.is_empty() {
            return Ok(());
        }
        let missing = plan.missing.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        output::note(format!("Missing: {missing}. These commands bring it:\n\n{plan}"));
        if !yes && output::can_ask() && !output::confirm("Run them now?") {
            let refused =
                format!("{missing} is missing; run the commands above, or `standfast setup`");
            return Err(Failure::unavailable(anyhow::Error::msg(refused)));
        }
        let tell = |progress| match progress {
            setup::Progress::Started { step, steps, title, .. } => {
                output::note(format!("  [{step}/{steps}] {title}"));
            }
            setup::Progress::Finished { .. } => {}
            setup::Progress::Fallback { complaint, .. } => {
                output::note(format!("  that failed, trying the alternative: {complaint}"));
            }
        };
        setup::run(plan, &self.spawner, tell).await.map_err(Failure::unavailable)
    }
}

pub(super) fn home() -> Result<Home, Failure> {
    Home::locate().map_err(Failure::unavailable)
}

/// The systems inside this binary, as the lab reads them.
pub(super) fn shipped() -> Vec<SystemSource> {
    CATALOGUE.iter().map(source_of).collect()
}

pub(super) fn source_of(files: &SystemFiles) -> SystemSource {
    SystemSource::Embedded {
        name: files.name.to_owned(),
        text: files.system_toml.to_owned(),
        files: files
            .files
            .iter()
            .map(|(name, text)| ((*name).to_owned(), (*text).to_owned()))
            .collect(),
    }
}

pub(super) fn experiments_of(files: &SystemFiles) -> Vec<ExperimentSource> {
    let embedded = |(name, text): &(&str, &str)| ExperimentSource::embedded(files.name, name, text);
    files.experiments.iter().map(embedded).collect()
}

/// What a system shows of itself when nobody asks for anything in particular.
pub(super) fn showcase_of(files: &SystemFiles) -> Vec<ExperimentSource> {
    let is_shown = |source: &ExperimentSource| files.showcase.contains(&source.name.as_str());
    experiments_of(files).into_iter().filter(is_shown).collect()
}

/// What a system cannot run without.
pub(super) fn tools_of(system: &System) -> Vec<Tool> {
    tools_of_all_but(system, &BTreeMap::new())
}

/// The same when the engines of these names run elsewhere.
pub(super) fn tools_of_all_but(system: &System, external: &BTreeMap<String, String>) -> Vec<Tool> {
    standfast_lab::instance::tools_of(system, external).into_iter().collect()
}

/// Whether a shipped system cannot run without it.
pub(super) fn is_needed(tool: Tool) -> bool {
    needed_tools().contains(&tool)
}

/// What the shipped systems need. Those files are part of this binary, and a test loads them all.
pub(super) fn needed_tools() -> Vec<Tool> {
    let systems = CATALOGUE.iter().filter_map(|files| System::load(source_of(files)).ok());
    let mut tools: Vec<Tool> = systems.flat_map(|system| tools_of(&system)).collect();
    tools.sort_unstable();
    tools.dedup();
    tools
}

/// Mistakes in a file are usage errors, all of them listed.
pub(super) fn bad_file(error: SpecError) -> Failure {
    Failure::new(Exit::Usage, error)
}
