//! What the benchmark is told on its command line.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result, bail};

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
                "--rounds" => options.rounds = positive(&value()?)?,
                "--seconds" => options.seconds = positive(&value()?)?,
                "--quick" => {
                    options = Self { rounds: 2, seconds: 1, idle_connections: 1_000, ..options };
                }
                "--only" => options.only = chosen(&value()?, &Contender::ALL, Contender::name)?,
                "--parts" => options.parts = chosen(&value()?, &Part::ALL, Part::name)?,
                "--with-wedge" => options.with_wedge = true,
                "--binary" => {
                    let path = value()?;
                    // Children run in folders of their own.
                    options.binary = std::fs::canonicalize(&path).context(path)?;
                }
                // Cargo says so to every benchmark.
                "--bench" => {}
                other => bail!("`{other}` is no option\n{USAGE}"),
            }
        }
        // The measure of all others.
        if !options.only.contains(&Contender::None) {
            options.only.insert(0, Contender::None);
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

fn positive(value: &str) -> Result<u32> {
    let number = value.parse().ok().filter(|number| *number > 0);
    number.with_context(|| format!("`{value}` is no positive whole number\n{USAGE}"))
}

/// Those of `all` whose names stand in `list`, in the order of `all`.
fn chosen<T: Copy>(list: &str, all: &[T], name: impl Fn(T) -> &'static str) -> Result<Vec<T>> {
    let words: Vec<&str> = list.split(',').collect();
    for word in &words {
        if !all.iter().any(|one| name(*one) == *word) {
            bail!("`{word}` is unknown\n{USAGE}");
        }
    }
    Ok(all.iter().copied().filter(|one| words.contains(&name(*one))).collect())
}
