//! `cargo xtask bench failover`: kills, freezes and switchovers in series, on each engine, with
//! writers at full speed; and what clients, and the servers themselves, had of it.
//!
//! Each cluster is one of order-saga, with its own watchdog and HAProxy; `--whole` measures all of
//! order-saga instead, by orders at its door. The rival is Patroni with etcd over the same
//! PostgreSQL, hit and measured by the same code. A trial is printed as it ends, and kept where
//! that is asked for, so that a run that is cut has lost one trial.

#![expect(clippy::print_stdout, reason = "figures are what a benchmark is for")]

mod client;
mod difference;
mod ledger;
mod loss;
mod options;
mod ours;
mod outage;
mod percentile;
mod record;
mod report;
mod rival;
mod series;
mod stand;
mod strike;
mod taken;
mod target;
mod weather;
mod whole;
mod writable;

use anyhow::{Context, Result, bail};
use serde_json::json;
use standfast_lab::instance::Clock;
use tokio::signal::unix::{SignalKind, signal};

use crate::options::Options;
use crate::record::{Blow, Trials};
use crate::report::{Row, Table};
use crate::whole::End;

fn main() -> Result<()> {
    let options = Options::read(std::env::args().skip(1))?;
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(run(options))
}

async fn run(options: Options) -> Result<()> {
    let mut trials = Trials::open(options.trials.as_deref())?;
    let clock = Clock::started();
    let (problems, end) = match options.whole {
        true => whole_shop(&options, &clock, &mut trials).await,
        false => (clusters(&options, &clock, &mut trials).await, None),
    };
    let rows = Row::all(&trials.all);
    print!("{}", Table(&rows));
    if let Some(path) = &options.json {
        let rows: Vec<_> = rows.iter().map(Row::json).collect();
        let text = format!("{:#}\n", json!({ "rows": rows, "end": end, "trials": trials.all }));
        std::fs::write(path, text).with_context(|| path.display().to_string())?;
    }
    if !problems.is_empty() {
        bail!("not measured to the end: {}", problems.join(", "));
    }
    Ok(())
}

/// Rows in each cluster alone; answers what could not be measured.
async fn clusters(options: &Options, clock: &Clock, trials: &mut Trials) -> Vec<&'static str> {
    let mut problems = Vec::new();
    for kind in options.engines.iter().copied() {
        if let Err(error) = ours::run(kind, options, clock, trials).await {
            println!("{}: {error:#}", kind.name());
            problems.push(kind.name());
        }
    }
    if options.patroni > 0
        && let Err(error) = rival::run(options, clock, trials).await
    {
        println!("patroni: {error:#}");
        problems.push("patroni");
    }
    problems
}

/// Orders in all of order-saga.
async fn whole_shop(
    options: &Options,
    clock: &Clock,
    trials: &mut Trials,
) -> (Vec<&'static str>, Option<End>) {
    match whole::run(options, clock, trials).await {
        Ok(end) => (Vec::new(), end),
        Err(error) => {
            println!("order-saga: {error:#}");
            (vec!["order-saga"], None)
        }
    }
}

/// Does it, unless somebody wants to end all this.
async fn unless_ended<T>(work: impl Future<Output = Result<T>>) -> Result<T> {
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        done = work => done,
        _ = tokio::signal::ctrl_c() => bail!("interrupted"),
        _ = terminate.recv() => bail!("terminated"),
    }
}

/// Trials of a kind that are still to be done.
struct Wanted {
    blow: Blow,
    numbers: std::ops::RangeInclusive<u32>,
}

impl Wanted {
    /// `None` when there are enough.
    fn of(stand: &str, blow: Blow, count: u32, trials: &Trials) -> Option<Self> {
        let done = trials.count(stand, blow);
        (done < count).then(|| Self { blow, numbers: done + 1..=count })
    }
}
