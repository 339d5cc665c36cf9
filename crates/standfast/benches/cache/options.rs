//! What the benchmark is told on its command line.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result, bail};

/// How often and how long each rival is measured. The defaults finish within 90 s.
#[derive(Clone, Debug)]
pub(crate) struct Options {
    pub(crate) rounds: u32,
    pub(crate) seconds: u32,
    /// The standfast that serves: this build, or another one to compare it with.
    pub(crate) binary: PathBuf,
}

impl Options {
    pub(crate) fn read(mut words: impl Iterator<Item = String>) -> Result<Self> {
        let binary = PathBuf::from(env!("CARGO_BIN_EXE_standfast"));
        let mut options = Self { rounds: 5, seconds: 2, binary };
        while let Some(word) = words.next() {
            let slot = match word.as_str() {
                "--rounds" => &mut options.rounds,
                "--seconds" => &mut options.seconds,
                "--binary" => {
                    options.binary = words.next().context("--binary wants a path")?.into();
                    continue;
                }
                // Cargo says so to every benchmark.
                "--bench" => continue,
                other => bail!(
                    "`{other}` is no option; there are --rounds N, --seconds N, --binary PATH"
                ),
            };
            let value = words.next().unwrap_or_default();
            *slot =
                value.parse().ok().filter(|number| *number > 0).with_context(|| {
                    format!("{word} wants a positive whole number, not `{value}`")
                })?;
        }
        Ok(options)
    }

    /// How long one rival runs in one round.
    pub(crate) fn each(&self) -> Duration {
        Duration::from_secs(self.seconds.into())
    }
}
