//! Which experiments a user means: a name, a system, a file, a folder, everything.

use std::path::{Path, PathBuf};

use standfast_lab::spec::{Experiment, ExperimentSource, Given, SYSTEM_FILE, Suite, nearest};
use standfast_systems::{CATALOGUE, SystemFiles};

use super::session;
use crate::exit::{Exit, Failure};

/// What was asked for, read and checked.
pub(super) struct Selection {
    /// Names the folder of the run when there are several.
    pub(super) title: String,
    pub(super) experiments: Vec<Experiment>,
    /// Whether exactly one experiment was named, so that its result stands alone.
    pub(super) is_single: bool,
    /// Experiments for the full suite only, when a quick one was asked for.
    pub(super) left_out: Vec<String>,
    /// The showcase runs one trial of each, whatever the experiments say.
    pub(super) is_showcase: bool,
}

/// What is asked for.
pub(super) struct Wanted<'a> {
    pub(super) named: Option<&'a str>,
    pub(super) suite: Suite,
    /// Instead of what the experiments say.
    pub(super) given: Given,
}

/// What is named is run. Of several, a quick suite leaves out those that take long.
pub(super) fn select(wanted: Wanted<'_>) -> Result<Selection, Failure> {
    let Wanted { named, suite, given } = wanted;
    let sources = sources(named)?;
    let shipped = session::shipped();
    let mut experiments = Vec::new();
    let mut problems = Vec::new();
    for source in &sources.found {
        match source.load_with(&shipped, given) {
            Ok(experiment) => experiments.push(experiment),
            Err(error) => problems.push(error.to_string()),
        }
    }
    if !problems.is_empty() {
        return Err(Failure::usage(problems.join("\n")));
    }
    let is_wanted = |experiment: &Experiment| {
        sources.is_single || named.is_none() || suite == Suite::Full || experiment.suite == suite
    };
    let (experiments, left_out): (Vec<_>, Vec<_>) = experiments.into_iter().partition(is_wanted);
    if experiments.is_empty() {
        let text = format!("every experiment of {} is for the full suite only", sources.title);
        return Err(Failure::usage(format!("{text}: run it without --quick")));
    }
    Ok(Selection {
        title: sources.title,
        experiments,
        left_out: left_out.into_iter().map(|experiment| experiment.name).collect(),
        is_single: sources.is_single,
        is_showcase: named.is_none(),
    })
}

struct Sources {
    title: String,
    found: Vec<ExperimentSource>,
    is_single: bool,
}

impl Sources {
    fn several(title: impl Into<String>, found: Vec<ExperimentSource>) -> Self {
        Self { title: title.into(), found, is_single: false }
    }

    fn single(found: ExperimentSource) -> Self {
        Self { title: found.name.clone(), found: vec![found], is_single: true }
    }
}

fn sources(named: Option<&str>) -> Result<Sources, Failure> {
    let all = || CATALOGUE.iter().flat_map(session::experiments_of).collect::<Vec<_>>();
    let Some(named) = named else {
        let shown = CATALOGUE.iter().flat_map(session::showcase_of).collect();
        return Ok(Sources::several("showcase", shown));
    };
    if named == "all" {
        return Ok(Sources::several("all", all()));
    }
    if let Some(files) = CATALOGUE.iter().find(|files| files.name == named) {
        return Ok(Sources::several(named, session::experiments_of(files)));
    }
    if let Some(source) = shipped(named)? {
        return Ok(Sources::single(source));
    }
    let path = Path::new(named);
    if path.is_file() {
        return ExperimentSource::from_file(path).map(Sources::single).map_err(session::bad_file);
    }
    if path.is_dir() {
        return folder(path);
    }
    Err(unknown(named))
}

/// A shipped experiment by its name, which several systems may use, or by `SYSTEM/NAME`.
fn shipped(named: &str) -> Result<Option<ExperimentSource>, Failure> {
    let mut found = Vec::new();
    for files in CATALOGUE {
        for source in session::experiments_of(files) {
            if format!("{}/{}", files.name, source.name) == named {
                return Ok(Some(source));
            }
            if source.name == named {
                found.push((files.name, source));
            }
        }
    }
    let systems: Vec<&str> = found.iter().map(|(system, _)| *system).collect();
    match systems.split_last() {
        Some((last, others)) if !others.is_empty() => {
            let others = others.join(", ");
            let text = format!("`{named}` is in {others} and {last}: write SYSTEM/{named}");
            Err(Failure::usage(text))
        }
        _ => Ok(found.pop().map(|(_, source)| source)),
    }
}

/// Every experiment of a folder: `experiments/*.toml` when there are some, else `*.toml` beside
/// `system.toml`.
fn folder(path: &Path) -> Result<Sources, Failure> {
    let mut files = toml_files(&path.join("experiments"));
    if files.is_empty() {
        files = toml_files(path);
    }
    if files.is_empty() {
        let text = format!(
            "folder `{}` holds no experiment: neither experiments/*.toml nor *.toml beside \
             {SYSTEM_FILE}",
            path.display()
        );
        return Err(Failure::usage(text));
    }
    let mut found = Vec::new();
    for file in files {
        found.push(ExperimentSource::from_file(&file).map_err(session::bad_file)?);
    }
    let name = path.canonicalize().ok().and_then(|path| Some(path.file_name()?.to_owned()));
    let title = name.map_or_else(|| "suite".to_owned(), |name| name.to_string_lossy().into_owned());
    Ok(Sources::several(title, found))
}

fn toml_files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut files: Vec<PathBuf> = entries
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "toml"))
        .filter(|path| path.file_name().is_some_and(|name| name != SYSTEM_FILE))
        .collect();
    files.sort();
    files
}

fn unknown(named: &str) -> Failure {
    if let Some((system, experiment)) = named.split_once('/')
        && let Some(files) = CATALOGUE.iter().find(|files| files.name == system)
    {
        return unknown_of(files, experiment);
    }
    let mut known = vec!["all".to_owned()];
    for files in CATALOGUE {
        known.push(files.name.to_owned());
        let names = session::experiments_of(files).into_iter().map(|source| source.name);
        known.extend(names.map(|name| format!("{}/{name}", files.name)));
    }
    let short = known.iter().map(|name| name.rsplit('/').next().unwrap_or(name));
    let suggestion = nearest(named, known.iter().map(String::as_str).chain(short));
    let hint = suggestion.map_or_else(
        || "`standfast list` says what is known".to_owned(),
        |word| format!("did you mean `{word}`?"),
    );
    let text = format!("`{named}` is no experiment, system, file or folder; {hint}");
    Failure::new(Exit::Usage, anyhow::Error::msg(text))
}

/// What is wrong is the experiment alone.
fn unknown_of(files: &SystemFiles, experiment: &str) -> Failure {
    let known = session::experiments_of(files).into_iter().map(|source| source.name);
    let known: Vec<String> = known.collect();
    let hint = nearest(experiment, known.iter().map(String::as_str)).map_or_else(
        || format!("it has {}", known.join(", ")),
        |word| format!("did you mean `{word}`?"),
    );
    Failure::usage(format!("{} has no experiment `{experiment}`; {hint}", files.name))
}
