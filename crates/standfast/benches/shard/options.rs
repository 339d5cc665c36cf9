//! What the benchmark is told on its command line.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::command_line::{positive, program};

const USAGE: &str = "\
options of `cargo xtask bench shard [lookup] [writes] [move] [rebalance]` (all of them):
  --rounds N       of writes and moves: how often each contender is measured (5)
  --seconds N      of writes: how long each of them takes in one round (2)
  --connections N  of writes: to all four servers together (16)
  --rows N         of moves: how many go in one (200000)
  --all-rows N     of the rebalance: how many there are (1000000)
  --rate N         of the rebalance: writes per second (500)
  --kills N        of the rebalance: how often the coordinator is killed (0)
  --folder PATH    where the servers' data lie (the temporary folder)
  --json FILE      also writes all figures there
  --binary PATH    another standfast than this build";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    Writes,
    Move,
    Rebalance,
}

#[derive(Clone, Debug)]
pub(crate) struct Options {
    pub(crate) parts: Vec<Part>,
    pub(crate) rounds: u32,
    pub(crate) seconds: u32,
    pub(crate) connections: u32,
    pub(crate) rows: u32,
    pub(crate) all_rows: u32,
    pub(crate) rate_per_s: u32,
    pub(crate) kills: u32,
    pub(crate) folder: PathBuf,
    pub(crate) json: Option<PathBuf>,
    /// The standfast that coordinates where it is to be killed.
    pub(crate) binary: PathBuf,
}

impl Part {
    const ALL: [Self; 3] = [Self::Writes, Self::Move, Self::Rebalance];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Writes => "writes",
            Self::Move => "move",
            Self::Rebalance => "rebalance",
        }
    }

    /// The servers that take part in the map.
    pub(crate) fn shards(self) -> &'static [&'static str] {
        match self {
            Self::Writes => &["s1", "s2", "s3", "s4"],
            Self::Move => &["s1", "s2"],
            Self::Rebalance => &["s1", "s2", "s3", "s4", "s5"],
        }
    }

    /// Those of them that own slots to begin with.
    pub(crate) fn owners(self) -> &'static [&'static str] {
        match self {
            Self::Writes | Self::Rebalance => &["s1", "s2", "s3", "s4"],
            Self::Move => &["s1"],
        }
    }

    /// Servers with the same tables that are no shards.
    pub(crate) fn others(self) -> &'static [&'static str] {
        match self {
            Self::Writes | Self::Rebalance => &[],
            Self::Move => &["rival"],
        }
    }
}

impl Options {
    pub(crate) fn read(mut words: impl Iterator<Item = String>) -> Result<Self> {
        let mut options = Self {
            parts: Vec::new(),
            rounds: 5,
            seconds: 2,
            connections: 16,
            rows: 200_000,
            all_rows: 1_000_000,
            rate_per_s: 500,
            kills: 0,
            folder: std::env::temp_dir(),
            json: None,
            binary: PathBuf::from(env!("CARGO_BIN_EXE_standfast")),
        };
        while let Some(word) = words.next() {
            if let Some(part) = Part::ALL.into_iter().find(|part| part.name() == word) {
                options.parts.push(part);
                continue;
            }
            let mut value =
                || words.next().with_context(|| format!("{word} wants a value\n{USAGE}"));
            match word.as_str() {
                "--rounds" => options.rounds = positive(&value()?, USAGE)?,
                "--seconds" => options.seconds = positive(&value()?, USAGE)?,
                "--connections" => options.connections = positive(&value()?, USAGE)?,
                "--rows" => options.rows = positive(&value()?, USAGE)?,
                "--all-rows" => options.all_rows = positive(&value()?, USAGE)?,
                "--rate" => options.rate_per_s = positive(&value()?, USAGE)?,
                "--kills" => options.kills = positive(&value()?, USAGE)?,
                "--folder" => options.folder = value()?.into(),
                "--json" => options.json = Some(value()?.into()),
                "--binary" => options.binary = program(&value()?)?,
                // Cargo says so to every benchmark.
                "--bench" => {}
                _ => bail!("`{word}` is no option\n{USAGE}"),
            }
        }
        if options.parts.is_empty() {
            options.parts = Part::ALL.to_vec();
        }
        Ok(options)
    }

    pub(crate) fn each(&self) -> Duration {
        Duration::from_secs(self.seconds.into())
    }
}
