//! The files of a run folder, and reading them again.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use standfast_history::{Event, HistoryError, Operation, read_jsonl};

use super::environment::Environment;
use crate::verdict::{Arm, ExperimentResult};

/// A record with the arm and the trial that it belongs to. A reader that wants a plain operation or
/// event may ignore both.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Tagged<T> {
    pub arm: Arm,
    pub trial: u32,
    #[serde(flatten)]
    pub record: T,
}

/// Where everything of one run lies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunFolder {
    pub root: PathBuf,
}

impl RunFolder {
    pub fn at(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// Makes `<time>-<name>` below `parent`; a second run within the same second gets a number.
    ///
    /// # Errors
    /// When the folder cannot be made.
    pub fn create(parent: &Path, name: &str) -> std::io::Result<Self> {
        std::fs::create_dir_all(parent)?;
        let now = time::OffsetDateTime::now_utc();
        let format = time::macros::format_description!("[year][month][day]-[hour][minute][second]");
        let stem = format!("{}-{name}", now.format(format).map_err(std::io::Error::other)?);
        for number in 1_u32.. {
            let suffix = if number == 1 { String::new() } else { format!("-{number}") };
            let root = parent.join(format!("{stem}{suffix}"));
            match std::fs::create_dir(&root) {
                Ok(()) => return Ok(Self { root }),
                Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
        }
        unreachable!("one of four thousand million names is free")
    }

    pub fn result(&self) -> PathBuf {
        self.root.join("result.json")
    }

    /// What only a folder over several runs has.
    pub(super) fn suite(&self) -> PathBuf {
        self.root.join("suite.json")
    }

    /// Refuses a folder over several runs, which `run` names when it has ended.
    ///
    /// # Errors
    /// Names the runs.
    pub fn check_single(&self) -> Result<(), StoredRunError> {
        if !self.suite().is_file() {
            return Ok(());
        }
        let entries = std::fs::read_dir(&self.root).into_iter().flatten().flatten();
        let runs = entries.filter(|entry| Self::at(entry.path()).result().is_file());
        let mut runs: Vec<String> =
            runs.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
        runs.sort();
        Err(StoredRunError::Several { path: self.root.clone(), runs })
    }

    pub fn environment(&self) -> PathBuf {
        self.root.join("environment.json")
    }

    pub fn events(&self) -> PathBuf {
        self.root.join("events.jsonl")
    }

    pub fn history(&self) -> PathBuf {
        self.root.join("history.jsonl.zst")
    }

    /// What was read at the end; only there when the experiment reads anything.
    pub fn finals(&self) -> PathBuf {
        self.root.join("finals.jsonl.zst")
    }

    /// What other programs did to the machine; absent when nobody watched it.
    pub fn machine(&self) -> PathBuf {
        self.root.join("machine.jsonl.zst")
    }

    pub fn report(&self) -> PathBuf {
        self.root.join("report.html")
    }

    /// The distribution of latencies of an arm in a phase.
    pub fn latencies(&self, arm: Arm, phase: &str) -> PathBuf {
        self.root.join(format!("latency.{}.{phase}.hgrm", arm.name()))
    }

    pub fn junit(&self) -> PathBuf {
        self.root.join("junit.xml")
    }

    /// The evidence sets of trials that break something and keep accounts.
    pub fn evidence(&self) -> PathBuf {
        self.root.join("evidence")
    }

    /// What experiments keep of each trial for people to look at.
    pub fn artifacts(&self) -> PathBuf {
        self.root.join("artifacts")
    }

    pub fn logs(&self) -> PathBuf {
        self.root.join("logs")
    }
}

/// Why a run could not be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoredRunError {
    #[error("`{}` holds no finished run: {source}", path.display())]
    Read {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    #[error("`{}` holds several runs; name one of them: {}", path.display(), runs.join(", "))]
    Several { path: PathBuf, runs: Vec<String> },
    #[error("`{}` is no document of this version of standfast: {source}", path.display())]
    Document {
        path: PathBuf,
        #[source]
        source: serde_json::Error,
    },
    #[error(transparent)]
    History(#[from] HistoryError),
}

/// A run as it lies on disk.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredRun {
    pub result: ExperimentResult,
    pub environment: Environment,
    pub operations: Vec<Tagged<Operation>>,
    pub events: Vec<Tagged<Event>>,
    /// Names of the evidence sets that it has, such as `treatment-1`.
    pub evidence: Vec<String>,
    pub artifacts: Vec<StoredArtifact>,
}

/// A file below `artifacts/`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredArtifact {
    /// Such as `treatment-1/lag.json`.
    pub path: String,
    /// Of a short text, all of it.
    pub text: Option<String>,
}

/// More than a report shows of one text.
const TEXT_BYTES_MAX: u64 = 32 << 10;

impl StoredRun {
    /// Reads a run folder.
    ///
    /// # Errors
    /// When a file is missing or damaged; the error names it.
    pub fn read(folder: &RunFolder) -> Result<Self, StoredRunError> {
        Ok(Self {
            result: read_result(folder)?,
            environment: read_document(&folder.environment())?,
            operations: read_jsonl(&folder.history())?,
            events: read_jsonl(&folder.events())?,
            evidence: evidence_sets(&folder.evidence()),
            artifacts: stored_artifacts(&folder.artifacts(), ""),
        })
    }
}

/// A run that has none is as good: they are made of what else is there.
fn evidence_sets(folder: &Path) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let mut names: Vec<String> = names.collect();
    names.sort_by_key(|name| {
        let (arm, trial) = name.split_once('-').unwrap_or((name, ""));
        (std::cmp::Reverse(arm.to_owned()), trial.parse::<u32>().unwrap_or(u32::MAX))
    });
    names
}

/// All files of a folder and of those in it, in the order of their names.
fn stored_artifacts(folder: &Path, prefix: &str) -> Vec<StoredArtifact> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut entries: Vec<std::fs::DirEntry> = entries.collect();
    entries.sort_by_key(std::fs::DirEntry::file_name);
    let mut found = Vec::new();
    for entry in entries {
        let path = format!("{prefix}{}", entry.file_name().to_string_lossy());
        if entry.path().is_dir() {
            found.extend(stored_artifacts(&entry.path(), &format!("{path}/")));
            continue;
        }
        let is_short = entry.metadata().is_ok_and(|file| file.len() <= TEXT_BYTES_MAX);
        let text = (path.ends_with(".txt") && is_short)
            .then(|| std::fs::read_to_string(entry.path()).ok())
            .flatten();
        found.push(StoredArtifact { path, text });
    }
    found
}

/// Reads only the result, for lists and comparisons.
///
/// # Errors
/// When it is missing or damaged.
pub fn read_result(folder: &RunFolder) -> Result<ExperimentResult, StoredRunError> {
    folder.check_single()?;
    read_document(&folder.result())
}

fn read_document<T: serde::de::DeserializeOwned>(path: &Path) -> Result<T, StoredRunError> {
    let text = std::fs::read_to_string(path)
        .map_err(|source| StoredRunError::Read { path: path.to_owned(), source })?;
    serde_json::from_str(&text)
        .map_err(|source| StoredRunError::Document { path: path.to_owned(), source })
}
