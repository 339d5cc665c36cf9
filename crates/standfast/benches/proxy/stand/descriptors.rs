//! How many files this process and its children may open.

use anyhow::{Context, Result};
use nix::sys::resource::{Resource, getrlimit, setrlimit};

/// Ten thousand connections are twenty thousand descriptors of a proxy, and of this process too.
const WANTED: u64 = 40_000;

/// What a process needs beside its connections: logs, listeners, timers.
const RESERVED: u64 = 200;

/// Raises the limit as far as it goes, and says how many connections fit through a proxy then.
///
/// Root may go beyond the hard limit. Children inherit what is set here.
pub(crate) fn raise() -> Result<usize> {
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE)?;
    let mut limit = soft;
    if soft < WANTED {
        let beyond = setrlimit(Resource::RLIMIT_NOFILE, WANTED, hard.max(WANTED));
        limit = if beyond.is_ok() { WANTED } else { hard };
        if beyond.is_err() {
            setrlimit(Resource::RLIMIT_NOFILE, hard, hard).context("cannot raise `ulimit -n`")?;
        }
    }
    Ok(usize::try_from(limit.saturating_sub(RESERVED) / 2)?)
}
