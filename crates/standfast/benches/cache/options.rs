//! What the benchmark is told on its command line.

use std::time::Duration;

use anyhow::{Context, Result, bail};

/// How often and how long each rival is measured. The defaults finish within 90 s.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Options {
    pub(crate) rounds: u32,
    pub(crate) seconds: u32,
}

impl Options {
    pub(crate) fn read(mut words: impl Iterator<Item = String>) -> Result<Self> {
        let mut options = Self { rounds: 5, seconds: 2 };
        while let Some(word) = words.next() {
            let slot = match word.as_str() {
                "--rounds" => &mut options.rounds,
                "--seconds" => &mut options.seconds,
                // Cargo says so to every benchmark.
                "--bench" => continue,
                other => bail!("`{other}` is no option; there are --rounds N and --seconds N"),
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
    pub(crate) fn each(self) -> Duration {
        Duration::from_secs(self.seconds.into())
    }
}
