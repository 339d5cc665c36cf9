//! How many files this process and its children may open.

use anyhow::{Context, Result};
use nix::sys::resource::{Resource, getrlimit, setrlimit};

/// Ten thousand connections are twenty thousand descriptors of a proxy, and of this process too.
const WANTED: u64 = 40_000;

/// What a process needs beside its connections: logs, listeners, timers.
const RESERVED: u64 = 200;

/// What each process of the benchmark may open.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Descriptors {
    pub(crate) limit: u64,
}

impl Descriptors {
    /// Raises the limit as far as it goes. Children inherit it.
    pub(crate) fn raise() -> Result<Self> {
        let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE)?;
        if soft >= WANTED {
            return Ok(Self { limit: WANTED });
        }
        // The mighty may go beyond the hard limit.
        if setrlimit(Resource::RLIMIT_NOFILE, WANTED, hard.max(WANTED)).is_ok() {
            return Ok(Self { limit: WANTED });
        }
        setrlimit(Resource::RLIMIT_NOFILE, hard, hard).context("cannot raise `ulimit -n`")?;
        Ok(Self { limit: hard })
    }

    /// Connections that fit through a proxy.
    pub(crate) fn connections(self) -> usize {
        usize::try_from(self.limit.saturating_sub(RESERVED) / 2).unwrap_or(usize::MAX)
    }
}
