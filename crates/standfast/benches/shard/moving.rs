//! A move of rows to another server, beside `pg_dump | psql` of the same rows.
//!
//! The rival copies what is there at its beginning, and that is all. A move also follows the
//! writes of the meantime, compares both copies twice, hands the slots over, lets the old owner
//! follow for a way back, and deletes what is left. So two figures are given: until the new owner
//! takes writes, and until nothing of the move is left.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use standfast_engines::process::CommandSpec;
use standfast_reshard::coordinator::{Coordinator, Progress};
use standfast_reshard::core::{Action, Ending, SlotSet};
use tokio::time::Instant;

use crate::figures::Figures;
use crate::options::Options;
use crate::rows::{load, tidy_up};
use crate::stand::{SLOTS, Stand};

const SHARDS: [&str; 2] = ["s1", "s2"];
const RIVAL: &str = "rival";
const DUMP_WITHIN: Duration = Duration::from_secs(300);
const LOCK_WITHIN: Duration = Duration::from_secs(30);

const PHASES: [&str; 9] = [
    "capturing",
    "copying",
    "catching-up",
    "verifying",
    "cutting-over",
    "switched",
    "confirming",
    "kept",
    "cleaning",
];

/// What one move took.
#[derive(Debug)]
struct Taken {
    until_open: Duration,
    in_all: Duration,
    /// By name.
    phases: BTreeMap<&'static str, Duration>,
}

pub(crate) async fn run(stand: &Stand, options: &Options, figures: &mut Figures) -> Result<()> {
    let rows = f64::from(options.rows);
    load(stand, 0..options.rows.into()).await?;
    for round in 0..options.rounds as usize {
        let (from, to) = (SHARDS[round % 2], SHARDS[(round + 1) % 2]);
        let rival = dump(stand, from, options).await?;
        let ours = move_all(stand, to).await?;
        let there = count(stand, to).await?;
        ensure!(there == u64::from(options.rows), "{there} rows are at {to}");
        tidy_up(stand).await?;
        let per_s = |took: Duration| rows / took.as_secs_f64();
        figures.take("pg_dump | psql: rows/s", per_s(rival));
        figures.take("move, until the new owner writes: rows/s", per_s(ours.until_open));
        figures.take("move, until nothing is left: rows/s", per_s(ours.in_all));
        let (open, all) = (per_s(ours.until_open), per_s(ours.in_all));
        figures.take("until the new owner writes / pg_dump | psql", open / per_s(rival));
        figures.take("until nothing is left / pg_dump | psql", all / per_s(rival));
        for (phase, took) in ours.phases {
            figures.take(&format!("{phase}, s"), took.as_secs_f64());
        }
    }
    Ok(())
}

/// All slots, while nobody writes: the rival could not follow.
async fn move_all(stand: &Stand, to: &str) -> Result<Taken> {
    let slots = SlotSet::of(0..SLOTS);
    let planned = stand.map().await?.plan_move(&slots, to)?;
    let planned = planned.first().context("somebody else owns the slots")?;
    let begun = Instant::now();
    let mut coordinator = Coordinator::begin(stand.fleet.clone(), LOCK_WITHIN).await?;
    let record = coordinator.plan(planned).await?;
    let (mut opened, mut phases) = (None, BTreeMap::new());
    let mut phase = (record.phase.name(), begun);
    let ending = coordinator
        .run(record, &mut |progress| {
            let now = Instant::now();
            match progress {
                Progress::Phase(record) => {
                    *phases.entry(phase.0).or_insert(Duration::ZERO) += now - phase.1;
                    phase = (record.phase.name(), now);
                }
                Progress::Acted { action, .. } => {
                    if matches!(action, Action::Open { .. }) {
                        opened = Some(now);
                    }
                }
            }
        })
        .await?;
    let in_all = begun.elapsed();
    ensure!(ending == Ending::Moved, "a move that nobody disturbs ended as {}", ending.name());
    let until_open = opened.context("a new owner is opened")? - begun;
    phases.remove("ended");
    Ok(Taken { until_open, in_all, phases })
}

/// From the owner to a server of its own, whose table has the same index.
async fn dump(stand: &Stand, from: &str, options: &Options) -> Result<Duration> {
    let programs = stand.programs.display();
    let script = format!(
        "set -e -o pipefail; {programs}/pg_dump --data-only --table items '{}' | \
         {programs}/psql --quiet --set ON_ERROR_STOP=1 --single-transaction '{}' > /dev/null",
        stand.url(from)?,
        stand.url(RIVAL)?
    );
    let arguments = [OsString::from("-c"), OsString::from(script)];
    let spec = CommandSpec::new("pg_dump", "/bin/bash").arguments(arguments);
    let begun = Instant::now();
    let finished = stand.spawner.run(spec, DUMP_WITHIN).await?;
    let took = begun.elapsed();
    ensure!(finished.status.is_success(), "pg_dump | psql: {}", finished.complaint());
    let there = count(stand, RIVAL).await?;
    ensure!(there == u64::from(options.rows), "pg_dump | psql brought {there} rows");
    let link = stand.link(RIVAL).await?;
    link.client.batch_execute("TRUNCATE items").await?;
    link.client.batch_execute("CHECKPOINT").await?;
    Ok(took)
}

async fn count(stand: &Stand, server: &str) -> Result<u64> {
    let link = stand.link(server).await?;
    let count: i64 = link.client.query_one("SELECT count(*) FROM items", &[]).await?.try_get(0)?;
    Ok(count.cast_unsigned())
}

pub(crate) struct Report<'a> {
    pub(crate) figures: &'a Figures,
    pub(crate) options: &'a Options,
}

impl fmt::Display for Report<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Options { rounds, rows, .. } = self.options;
        writeln!(
            f,
            "\n{rows} rows of about 200 bytes; medians of {rounds} (first to last decile)"
        )?;
        for name in [
            "pg_dump | psql: rows/s",
            "move, until the new owner writes: rows/s",
            "move, until nothing is left: rows/s",
        ] {
            let spread = self.figures.spread(name);
            let (low, middle, high) = (spread.low, spread.middle, spread.high);
            writeln!(f, "  {name:<44}{middle:>8.0}   ({low:.0} to {high:.0})")?;
        }
        for name in [
            "until the new owner writes / pg_dump | psql",
            "until nothing is left / pg_dump | psql",
        ] {
            let spread = self.figures.spread(name);
            let (low, middle, high) = (spread.low, spread.middle, spread.high);
            writeln!(f, "  {name:<44}{middle:>8.2}   ({low:.2} to {high:.2})")?;
        }
        write!(f, "  seconds of a move:")?;
        for phase in PHASES {
            write!(f, " {phase} {:.2}", self.figures.median(&format!("{phase}, s")))?;
        }
        writeln!(f)
    }
}
