//! Exit codes: a public contract (README, `--help`), and the error type that carries one.

use std::fmt;

use standfast_lab::control::FailureKind;
use standfast_lab::verdict::Outcome;

/// What the process answers to the shell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Exit {
    /// Every claim holds, or the command did what it was asked.
    Held = 0,
    /// A claim is refuted.
    Refuted = 1,
    /// Usage, or a file that says something impossible.
    Usage = 2,
    /// An engine or port is missing, or the system did not come up.
    Unavailable = 3,
    /// The run proves nothing.
    Unknown = 4,
    /// The system was not restored after healing.
    NotRestored = 5,
    /// A bug in standfast.
    Bug = 70,
    /// Interrupted, and cleaned up.
    Interrupted = 130,
}

impl From<Exit> for std::process::ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

impl Exit {
    /// The meaning of another standfast's exit code.
    pub(crate) fn from_code(code: u8) -> Self {
        let known = [
            Self::Held,
            Self::Refuted,
            Self::Usage,
            Self::Unavailable,
            Self::Unknown,
            Self::NotRestored,
            Self::Interrupted,
        ];
        known.into_iter().find(|exit| *exit as u8 == code).unwrap_or(Self::Bug)
    }
}

impl From<Outcome> for Exit {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Holds => Self::Held,
            Outcome::Refuted => Self::Refuted,
            Outcome::Usage => Self::Usage,
            Outcome::Environment => Self::Unavailable,
            Outcome::Unknown => Self::Unknown,
            Outcome::NotRestored => Self::NotRestored,
            Outcome::Bug => Self::Bug,
            Outcome::Interrupted => Self::Interrupted,
        }
    }
}

impl From<FailureKind> for Exit {
    fn from(kind: FailureKind) -> Self {
        match kind {
            FailureKind::Mistake => Self::Usage,
            FailureKind::Unavailable => Self::Unavailable,
            FailureKind::NoEffect => Self::Unknown,
            FailureKind::NotRestored => Self::NotRestored,
        }
    }
}

/// A command that could not be done: the exit code, and what the user reads.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) exit: Exit,
    pub(crate) cause: anyhow::Error,
}

impl Failure {
    pub(crate) fn new(exit: Exit, cause: impl Into<anyhow::Error>) -> Self {
        Self { exit, cause: cause.into() }
    }

    /// A mistake in what was typed or written in a file.
    pub(crate) fn usage(message: impl fmt::Display + fmt::Debug + Send + Sync + 'static) -> Self {
        Self { exit: Exit::Usage, cause: anyhow::Error::msg(message) }
    }

    /// Something of the machine is not there.
    pub(crate) fn unavailable(cause: impl Into<anyhow::Error>) -> Self {
        Self::new(Exit::Unavailable, cause)
    }
}

/// What every command returns.
pub(crate) type Answer = Result<Exit, Failure>;
