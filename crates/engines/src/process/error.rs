//! Why a process could not be started, changed or ended.

use std::path::PathBuf;
use std::time::Duration;

#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProcessError {
    #[error("cannot start `{name}` (`{}`)", program.display())]
    Spawn {
        name: String,
        program: PathBuf,
        #[source]
        source: std::io::Error,
    },
    #[error("cannot start the thread and the guardian that own child processes")]
    Spawner(#[source] std::io::Error),
    #[error("the thread that owns child processes has ended")]
    SpawnerGone,
    #[error("`{name}` is not running")]
    NotRunning { name: String },
    #[error("cannot {action} all processes of `{name}`, these refuse: {left}")]
    Tree { name: String, action: &'static str, left: String },
    #[error("`{name}` did not finish within {deadline:?} and was killed")]
    Deadline { name: String, deadline: Duration },
}
