//! A folder over the runs of several experiments, with an index.

use std::path::PathBuf;

use serde::Serialize;

use super::options::RunError;
use super::stored::RunFolder;
use crate::report::{SuiteEntry, junit, render_suite};
use crate::verdict::{ExperimentResult, Outcome};

/// What `--json` prints for several experiments.
#[derive(Clone, Debug, Serialize)]
pub struct SuiteResult {
    pub verdict: Outcome,
    pub experiments: Vec<ExperimentResult>,
}

/// Writes `index.html`, `suite.json` and `junit.xml` over runs that lie below `folder`.
///
/// # Errors
/// When a file cannot be written.
pub fn write_suite(
    folder: &RunFolder,
    title: &str,
    entries: &[SuiteEntry],
) -> Result<SuiteResult, RunError> {
    let experiments: Vec<ExperimentResult> =
        entries.iter().map(|entry| entry.result.clone()).collect();
    let verdict = Outcome::of_several(experiments.iter().map(|result| result.outcome));
    let junit = junit(title, &experiments).map_err(std::io::Error::other);
    let suite = SuiteResult { verdict, experiments };
    let json = serde_json::to_string_pretty(&suite).map_err(std::io::Error::other);
    let page = Ok(render_suite(title, entries));
    let files: [(PathBuf, std::io::Result<String>); 3] =
        [(folder.root.join("index.html"), page), (folder.suite(), json), (folder.junit(), junit)];
    for (path, text) in files {
        text.and_then(|text| std::fs::write(&path, text))
            .map_err(|source| RunError::Write { path, source })?;
    }
    Ok(suite)
}
