//! Why an instance could not be reached or did not do what it was asked.

use std::io;
use std::path::PathBuf;

use super::failure_kind::FailureKind;
use crate::instance::{FolderError, InstanceError};

#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ControlError {
    #[error("there is no instance `{name}`{}", suggest(suggestion.as_deref()))]
    NoInstance { name: String, suggestion: Option<String> },
    #[error("instance `{name}` is stopped; `standfast start` brings it up again")]
    NotRunning { name: String },
    #[error("cannot {action} `{}`: {source}", path.display())]
    Socket { action: &'static str, path: PathBuf, source: io::Error },
    #[error("the supervisor of `{name}` ended before it answered")]
    NoAnswer { name: String },
    #[error(
        "the supervisor of `{name}` answered what no supervisor of this version does: {source}"
    )]
    Answer { name: String, source: serde_json::Error },
    /// In the words of the supervisor.
    #[error("{error}")]
    Refused { kind: FailureKind, error: String },
    #[error(transparent)]
    Folder(#[from] FolderError),
    #[error(transparent)]
    Instance(#[from] InstanceError),
}

fn suggest(suggestion: Option<&str>) -> String {
    suggestion.map_or_else(String::new, |word| format!("; did you mean `{word}`?"))
}
