//! What the benchmark is told on its command line.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::command_line::{positive, program};
use crate::contest::options::{chosen, contenders};
use crate::stand::Contender;

const USAGE: &str = "\
options of `cargo xtask bench proxy`:
  --rounds N       how often each contender is measured (5)
  --seconds N      how long each figure of a contender takes in one round (2)
  --quick          2 rounds of 1 s and 1,000 idle connections: shows that all works
  --only A,B       contenders beside `none`: standfast, toxiproxy, haproxy, nginx
  --parts A,B      of requests, rate, bulk, idle, latency, bandwidth, control
  --with-wedge     also asks Toxiproxy during the paused upstream; each call may take 30 s
  --binary PATH    another standfast than this build";

/// One kind of figures, measured on its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    Requests,
    Rate,
    Bulk,
    Idle,
    Latency,
    Bandwidth,
    Control,
}

impl Part {
    const ALL: [Self; 7] = [
        Self::Requests,
        Self::Rate,
        Self::Bulk,
        Self::Idle,
        Self::Latency,
        Self::Bandwidth,
        Self::Control,
    ];

    fn name(self) -> &'static str {
        match self {
            Self::Requests => "requests",
            Self::Rate => "rate",
            Self::Bulk => "bulk",
            Self::Idle => "idle",
            Self::Latency => "latency",
            Self::Bandwidth => "bandwidth",
            Self::Control => "control",
        }
    }
}

/// How often, how long and whom.
#[derive(Clone, Debug)]
pub(crate) struct Options {
    pub(crate) rounds: u32,
    pub(crate) seconds: u32,
    pub(crate) idle_connections: usize,
    pub(crate) only: Vec<Contender>,
    pub(crate) parts: Vec<Part>,
    pub(crate) with_wedge: bool,
    /// The standfast that is measured: this build, or another one to compare it with.
    pub(crate) binary: PathBuf,
}

impl Options {
    pub(crate) fn read(mut words: impl Iterator<Item = String>) -> Result<Self> {
        let mut options = Self {
            rounds: 5,
            seconds: 2,
            idle_connections: 10_000,
            only: Contender::ALL.into(),
            parts: Part::ALL.into(),
            with_wedge: false,
            binary: PathBuf::from(env!("CARGO_BIN_EXE_standfast")),
        };
        while let Some(word) = words.next() {
            let mut value = || words.next().with_context(|| format!("{word} wants a value"));
            match word.as_str() {
                "--rounds" => options.rounds = positive(&value()?, USAGE)?,
                "--seconds" => options.seconds = positive(&value()?, USAGE)?,
                "--quick" => {
                    options = Self { rounds: 2, seconds: 1, idle_connections: 1_000, ..options };
                }
                "--only" => options.only = contenders(&value()?, USAGE)?,
                "--parts" => options.parts = chosen(&value()?, &Part::ALL, Part::name, USAGE)?,
                "--with-wedge" => options.with_wedge = true,
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

    pub(crate) fn wants(&self, part: Part) -> bool {
        self.parts.contains(&part)
    }
}
