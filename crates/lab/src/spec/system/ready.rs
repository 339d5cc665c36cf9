//! When a service counts as ready.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::super::units::Length;

/// Long enough for an interpreter on a busy machine, short enough to wait for at a terminal.
pub(crate) const WITHIN_DEFAULT: Duration = Duration::from_secs(10);

/// A check and the time in which it must pass.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "ReadyFile", into = "ReadyFile")]
#[schemars(with = "ReadyFile")]
pub struct Ready {
    pub check: ReadyCheck,
    pub within: Duration,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReadyCheck {
    /// `GET` of this path answers 200.
    Http(String),
    /// The port takes connections.
    Tcp,
    /// The command ends with status 0.
    Command(Vec<String>),
    /// The process runs: all that can be asked of a service without a port.
    Running,
}

impl Ready {
    pub(crate) fn tcp(within: Length) -> Self {
        Self { check: ReadyCheck::Tcp, within: within.0 }
    }

    pub(crate) fn running() -> Self {
        Self { check: ReadyCheck::Running, within: WITHIN_DEFAULT }
    }
}

/// Exactly one of `http`, `tcp` and `command`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ReadyFile {
    /// A path that answers 200 when the service is ready.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    http: Option<String>,
    /// Ready when the port takes connections.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    tcp: Option<bool>,
    /// A command that ends with status 0 when the service is ready.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    command: Option<Vec<String>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    within: Option<Length>,
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum ReadyError {
    #[error("`ready` needs exactly one of `http = \"/path\"`, `tcp = true`, `command = [\"…\"]`")]
    NotOne,
    #[error("the path of `ready` starts with `/`, not like `{0}`")]
    Path(String),
    #[error("the command of `ready` is empty")]
    EmptyCommand,
    #[error("`within` of `ready` is no time at all")]
    NoTime,
}

impl TryFrom<ReadyFile> for Ready {
    type Error = ReadyError;

    fn try_from(file: ReadyFile) -> Result<Self, ReadyError> {
        let check = match (file.http, file.tcp, file.command) {
            (Some(path), None, None) if path.starts_with('/') => ReadyCheck::Http(path),
            (Some(path), None, None) => return Err(ReadyError::Path(path)),
            (None, Some(true), None) => ReadyCheck::Tcp,
            (None, None, Some(command)) if command.is_empty() => {
                return Err(ReadyError::EmptyCommand);
            }
            (None, None, Some(command)) => ReadyCheck::Command(command),
            _ => return Err(ReadyError::NotOne),
        };
        let within = file.within.map_or(WITHIN_DEFAULT, |within| within.0);
        if within.is_zero() {
            return Err(ReadyError::NoTime);
        }
        Ok(Self { check, within })
    }
}

impl From<Ready> for ReadyFile {
    fn from(ready: Ready) -> Self {
        let mut file = Self { within: Some(Length(ready.within)), ..Self::default() };
        match ready.check {
            ReadyCheck::Http(path) => file.http = Some(path),
            ReadyCheck::Tcp => file.tcp = Some(true),
            ReadyCheck::Command(command) => file.command = Some(command),
            ReadyCheck::Running => {}
        }
        file
    }
}
