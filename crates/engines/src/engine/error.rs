//! Why an engine is not what it should be.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use crate::copy_tree::CopyError;
use crate::home::HomeError;
use crate::process::{Exit, PortHolder, ProcessError};
use crate::tool::EngineKind;
use crate::user::UserError;

#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EngineError {
    #[error(
        "port {port} of engine `{engine}` is held by {}",
        holder.as_ref().map_or("another user's process".to_owned(), PortHolder::to_string)
    )]
    PortBusy { engine: String, port: u16, holder: Option<PortHolder> },
    #[error("engine `{engine}` {exit} before it was ready, see `{}`:\n{last_lines}", log.display())]
    Exited { engine: String, exit: Exit, log: PathBuf, last_lines: String },
    #[error(
        "engine `{engine}` not ready within {within:?} ({reason}), see `{}`:\n{last_lines}",
        log.display()
    )]
    NotReady { engine: String, within: Duration, reason: String, log: PathBuf, last_lines: String },
    #[error("engine `{engine}` does not answer: {reason}")]
    NoAnswer { engine: String, reason: String },
    #[error("engine `{engine}` runs on {runtime}, which is not here")]
    NoRuntime { engine: String, runtime: &'static str },
    #[error("of engine `{engine}` these survive SIGKILL: {left}")]
    Survived { engine: String, left: String },
    #[error("engine `{engine}` runs, and cannot {action} before it has ended")]
    Running { engine: String, action: &'static str },
    #[error("engine `{engine}` has no peer `{peer}`")]
    NoPeer { engine: String, peer: String },
    #[error("the copy of its primary that engine `{engine}` was given was never finished")]
    HalfCopied { engine: String },
    #[error("engine `{engine}` holds what its primary does not: {tail}")]
    Diverged { engine: String, tail: String },
    #[error("engine `{engine}` is not running")]
    NotRunning { engine: String },
    #[error("engine `{engine}` has no data in `{}`", data.display())]
    NoData { engine: String, data: PathBuf },
    #[error("`{}` is not the data folder of engine `{engine}`: left alone", data.display())]
    NotItsData { engine: String, data: PathBuf },
    #[error("engine `{engine}` is {kind}, which cannot {action}")]
    Unsupported { engine: String, kind: EngineKind, action: &'static str },
    #[error("setting `{key}` of engine `{engine}` {problem}")]
    Setting { engine: String, key: String, problem: &'static str },
    #[error("`{name}` of engine `{engine}` is no name: small letters, digits and `_`, at most 63")]
    Name { engine: String, name: String },
    #[error("`{tool}` of engine `{engine}` {exit}:\n{complaint}")]
    Tool { engine: String, tool: String, exit: Exit, complaint: String },
    #[error("cannot {action} `{}` of engine `{engine}`", path.display())]
    Io {
        engine: String,
        action: &'static str,
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error(transparent)]
    Process(#[from] ProcessError),
    #[error(transparent)]
    User(#[from] UserError),
    #[error(transparent)]
    Home(#[from] HomeError),
    #[error(transparent)]
    Copy(#[from] CopyError),
}
