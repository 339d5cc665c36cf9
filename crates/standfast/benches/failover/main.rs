//! `cargo xtask bench failover`: kills, freezes and switchovers in series, on each engine, with
//! writers at full speed; and what clients, and the servers themselves, had of it.
//!
//! Each cluster is one of order-saga, with its own watchdog and HAProxy. A trial is printed as it
//! ends, and kept where that is asked for, so that a run that is cut has lost one trial.

#![expect(clippy::print_stdout, reason = "figures are what a benchmark is for")]

mod client;
mod difference;
mod ledger;
mod loss;
mod options;
mod outage;
mod percentile;
mod record;
mod report;
mod series;
mod stand;
mod taken;
mod target;
mod weather;
mod writable;

use anyhow::{Context, Result, bail};
use serde_json::json;
use standfast_lab::instance::Clock;
use tokio::signal::unix::{SignalKind, signal};

use crate::options::Options;
use crate::record::{Blow, Trials};
use crate::report::{Line, Row, Table};
use crate::series::Series;
use crate::stand::Ours;
use crate::target::Kind;

fn main() -> Result<()> {
    let options = Options::read(std::env::args().skip(1))?;
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(run(options))
}

async fn run(options: Options) -> Result<()> {
    let mut trials = Trials::open(options.trials.as_deref())?;
    let clock = Clock::started();
    let mut problems = Vec::new();
    for kind in options.engines.iter().copied() {
        if wanted(kind, &options, &trials).is_empty() {
            println!("{}: all its trials are there", kind.name());
            continue;
        }
        if let Err(error) = engine(kind, &options, &clock, &mut trials).await {
            println!("{}: {error:#}", kind.name());
            problems.push(kind.name());
        }
    }
    let rows = Row::all(&trials.all);
    print!("{}", Table(&rows));
    if let Some(path) = &options.json {
        let rows: Vec<_> = rows.iter().map(Row::json).collect();
        let text = format!("{:#}\n", json!({ "rows": rows, "trials": trials.all }));
        std::fs::write(path, text).with_context(|| path.display().to_string())?;
    }
    if !problems.is_empty() {
        bail!("not measured to the end: {}", problems.join(", "));
    }
    Ok(())
}

/// How many trials of each kind are still to be done.
fn wanted(kind: Kind, options: &Options, trials: &Trials) -> Vec<(Blow, u32, u32)> {
    let count = |blow| match blow {
        Blow::Kill => options.kills,
        Blow::Freeze => options.freezes,
        Blow::SwitchoverFresh | Blow::SwitchoverKept => options.switchovers,
    };
    let wanted = Blow::ALL.map(|blow| (blow, trials.count(kind.name(), blow), count(blow)));
    wanted.into_iter().filter(|(_, done, count)| done < count).collect()
}

/// One engine from its start to its end, however it ends.
async fn engine(kind: Kind, options: &Options, clock: &Clock, trials: &mut Trials) -> Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    println!(
        "{}: two servers, a watchdog with FAILOVERS_MAX={} instead of 3, and {} writers",
        kind.name(),
        options.failovers_max,
        options.clients
    );
    let stand = tokio::select! {
        stand = Ours::bring_up(kind, options, clock) => stand?,
        _ = tokio::signal::ctrl_c() => bail!("interrupted"),
        _ = terminate.recv() => bail!("terminated"),
    };
    let measured = tokio::select! {
        measured = measure(&stand, kind, options, clock, trials) => measured,
        _ = tokio::signal::ctrl_c() => Err(anyhow::anyhow!("interrupted")),
        _ = terminate.recv() => Err(anyhow::anyhow!("terminated")),
    };
    stand.take_down().await?;
    measured
}

async fn measure(
    stand: &Ours,
    kind: Kind,
    options: &Options,
    clock: &Clock,
    trials: &mut Trials,
) -> Result<()> {
    let mut series = Series::of(stand, kind.name().to_owned(), options.clients, clock);
    for (blow, done, count) in wanted(kind, options, trials) {
        for number in done + 1..=count {
            let trial = series.trial(blow, number).await;
            println!("{}", Line(&trial));
            let problem = trial.problem.clone();
            trials.add(trial)?;
            if let Some(problem) = problem {
                bail!("trial {number} of {} has no end: {problem}", blow.name());
            }
        }
    }
    let whole = series.end().await?;
    println!(
        "{}: of all {} acknowledged rows {} lost, {} doubled; counts off by {}, servers differ by {}",
        kind.name(),
        whole.acknowledged,
        whole.lost,
        whole.doubled,
        whole.books_off,
        whole.diverged
    );
    Ok(())
}
