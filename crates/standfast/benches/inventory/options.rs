//! What the benchmark is told on its command line.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::command_line::{positive, program};

const USAGE: &str = "\
options of `cargo xtask bench vote` and `bench orders`:
  --rounds N       how often each contender is measured (5)
  --seconds N      how long each of them takes in one round (2)
  --json FILE      also writes all figures there
  --binary PATH    another standfast than this build";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Bench {
    Vote,
    Orders,
}

/// What is measured, how often and how long. The defaults finish within two minutes.
#[derive(Clone, Debug)]
pub(crate) struct Options {
    pub(crate) bench: Bench,
    pub(crate) rounds: u32,
    pub(crate) seconds: u32,
    pub(crate) json: Option<PathBuf>,
    /// The standfast that serves.
    pub(crate) binary: PathBuf,
}

impl Options {
    pub(crate) fn read(mut words: impl Iterator<Item = String>) -> Result<Self> {
        let bench = match words.next().as_deref() {
            Some("vote") => Bench::Vote,
            Some("orders") => Bench::Orders,
            _ => bail!("`vote` or `orders` comes first\n{USAGE}"),
        };
        let binary = PathBuf::from(env!("CARGO_BIN_EXE_standfast"));
        let mut options = Self { bench, rounds: 5, seconds: 2, json: None, binary };
        while let Some(word) = words.next() {
            let mut value =
                || words.next().with_context(|| format!("{word} wants a value\n{USAGE}"));
            match word.as_str() {
                "--rounds" => options.rounds = positive(&value()?, USAGE)?,
                "--seconds" => options.seconds = positive(&value()?, USAGE)?,
                "--json" => options.json = Some(value()?.into()),
                "--binary" => options.binary = program(&value()?)?,
                // Cargo says so to every benchmark.
                "--bench" => {}
                _ => bail!("`{word}` is no option\n{USAGE}"),
            }
        }
        Ok(options)
    }

    /// How long one contender runs in one round.
    pub(crate) fn each(&self) -> Duration {
        Duration::from_secs(self.seconds.into())
    }
}
