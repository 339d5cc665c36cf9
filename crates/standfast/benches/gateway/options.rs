//! What the benchmark is told on its command line.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::command_line::{positive, program};
use crate::contest::options::contenders;
use crate::stand::Contender;

const USAGE: &str = "\
options of `cargo xtask bench gateway`:
  --rounds N       how often each contender is measured (5)
  --seconds N      how long each figure of a contender takes in one round (2)
  --quick          2 rounds of 1 s and 500 connections: shows that all works
  --only A,B       contenders beside `none`: standfast, haproxy, nginx
  --binary PATH    another standfast than this build";

/// How often, how long and whom.
#[derive(Clone, Debug)]
pub(crate) struct Options {
    pub(crate) rounds: u32,
    pub(crate) seconds: u32,
    pub(crate) idle_connections: usize,
    pub(crate) only: Vec<Contender>,
    /// The standfast that is measured: this build, or another one to compare it with.
    pub(crate) binary: PathBuf,
}

impl Options {
    pub(crate) fn read(mut words: impl Iterator<Item = String>) -> Result<Self> {
        let mut options = Self {
            rounds: 5,
            seconds: 2,
            idle_connections: 5_000,
            only: Contender::ALL.into(),
            binary: PathBuf::from(env!("CARGO_BIN_EXE_standfast")),
        };
        while let Some(word) = words.next() {
            let mut value = || words.next().with_context(|| format!("{word} wants a value"));
            match word.as_str() {
                "--rounds" => options.rounds = positive(&value()?, USAGE)?,
                "--seconds" => options.seconds = positive(&value()?, USAGE)?,
                "--quick" => {
                    options = Self { rounds: 2, seconds: 1, idle_connections: 500, ..options };
                }
                "--only" => options.only = contenders(&value()?, USAGE)?,
                "--binary" => options.binary = program(&value()?)?,
                // Cargo says so to every benchmark.
                "--bench" => {}
                other => bail!("`{other}` is no option\n{USAGE}"),
            }
        }
        Ok(options)
    }

    /// How long one figure of one contender takes in one round.
    pub(crate) fn each(&self) -> Duration {
        Duration::from_secs(self.seconds.into())
    }
}
