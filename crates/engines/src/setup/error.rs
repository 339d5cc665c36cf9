//! Why something could not be brought.

use crate::home::HomeError;
use crate::process::{Exit, ProcessError};

#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SetupError {
    #[error("needs root, and sudo does not work without a password; as root, run:\n{commands}")]
    NeedsRoot { commands: String },
    #[error("`{command}` {exit}:\n{complaint}")]
    Step { command: String, exit: Exit, complaint: String },
    #[error("there is no apt-get on this machine, bring these yourself: {packages}")]
    NoPackageClient { packages: String },
    #[error("{tools} not found, although every step of the setup succeeded")]
    StillMissing { tools: String },
    #[error(transparent)]
    Process(#[from] ProcessError),
    #[error(transparent)]
    Home(#[from] HomeError),
}
