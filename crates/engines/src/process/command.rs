//! What to start: a program with its arguments, environment, user and output.

use std::ffi::OsString;
use std::fs::File;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use tokio::sync::mpsc;

use super::log_file;
use super::namespace::Namespace;
use crate::user::UserId;

/// The only variables that a child without our environment gets from it.
const MINIMAL_ENVIRONMENT: [&str; 3] = ["PATH", "TZ", "LD_LIBRARY_PATH"];

/// Everything that a new process needs. `CommandSpec::new(name, program)` gives the usual rest.
#[derive(Debug)]
pub struct CommandSpec {
    /// What it is called in messages and events.
    pub name: String,
    pub program: PathBuf,
    pub arguments: Vec<OsString>,
    /// Set on top of what is inherited.
    pub environment: Vec<(OsString, OsString)>,
    /// Whether it sees our whole environment. Engines do not: a `PGPORT` of the user's shell would
    /// point their tools elsewhere.
    pub inherit_environment: bool,
    /// Where it runs; `/` when it runs as another user, who may not enter our own folder.
    pub directory: Option<PathBuf>,
    /// Whom it runs as; ourselves when absent.
    pub user: Option<UserId>,
    /// Whose interfaces and ports it has; ours when absent.
    pub namespace: Option<Namespace>,
    /// What it reads on standard input; nothing when empty.
    pub input: Vec<u8>,
    pub output: Output,
}

/// Where standard output and standard error go.
#[derive(Debug)]
pub enum Output {
    /// Both are appended to this file.
    Log(PathBuf),
    /// As `Log`, and every line of standard output is also sent to `lines`. When that channel is
    /// full the line is only logged, and counted: the child never waits for its reader.
    Lines { log: PathBuf, lines: mpsc::Sender<String> },
    /// Kept in memory, for `Spawner::run`.
    Capture,
}

impl CommandSpec {
    /// `program` without arguments, in our environment, as ourselves, its output captured.
    pub fn new(name: impl Into<String>, program: impl Into<PathBuf>) -> Self {
        Self {
            name: name.into(),
            program: program.into(),
            arguments: Vec::new(),
            environment: Vec::new(),
            inherit_environment: true,
            directory: None,
            user: None,
            namespace: None,
            input: Vec::new(),
            output: Output::Capture,
        }
    }

    /// The same with more arguments.
    #[must_use]
    pub fn arguments(mut self, arguments: impl IntoIterator<Item = impl Into<OsString>>) -> Self {
        self.arguments.extend(arguments.into_iter().map(Into::into));
        self
    }

    /// The command without anything that concerns how it is supervised.
    pub(super) fn command(&self) -> std::io::Result<Command> {
        #[expect(clippy::disallowed_methods, reason = "this is the module that owns children")]
        let mut command = Command::new(&self.program);
        if !self.inherit_environment {
            let inherited = std::env::vars_os()
                .filter(|(name, _)| MINIMAL_ENVIRONMENT.iter().any(|kept| name == kept));
            let inherited: Vec<_> = inherited.collect();
            command.env_clear().envs(inherited).env("LC_ALL", "C");
        }
        if let Some(user) = &self.user {
            command.uid(user.uid).gid(user.gid).current_dir("/");
            command.env("HOME", &user.home).env("USER", &user.name).env("LOGNAME", &user.name);
        }
        if let Some(directory) = &self.directory {
            command.current_dir(directory);
        }
        command
            .args(&self.arguments)
            .envs(self.environment.iter().map(|(name, value)| (name, value)));
        command.stdin(if self.input.is_empty() { Stdio::null() } else { Stdio::piped() });
        let (output, errors) = self.output.open()?;
        command.stdout(output).stderr(errors).process_group(0);
        Ok(command)
    }
}

impl Output {
    fn open(&self) -> std::io::Result<(Stdio, Stdio)> {
        match self {
            Self::Log(path) => {
                let log: File = log_file::open(path)?;
                Ok((log.try_clone()?.into(), log.into()))
            }
            Self::Lines { log, .. } => Ok((Stdio::piped(), log_file::open(log)?.into())),
            Self::Capture => Ok((Stdio::piped(), Stdio::piped())),
        }
    }

    /// The log file, when there is one.
    pub(super) fn log(&self) -> Option<&PathBuf> {
        match self {
            Self::Log(log) | Self::Lines { log, .. } => Some(log),
            Self::Capture => None,
        }
    }
}
