//! `cargo xtask bench shard`: what routing costs beside `pgbench` on the same servers, what a move
//! takes beside `pg_dump | psql` of the same rows, and what clients notice of a shard that comes
//! and goes.
//!
//! Servers of their own, durable, on loopback. Rivals run interleaved with ours, and ratios are
//! taken within a round: this machine is noisy, so a figure means something only beside the one
//! that was taken a second before.

#![expect(clippy::print_stdout, reason = "figures are what a benchmark is for")]

#[path = "../shared/command_line.rs"]
mod command_line;
#[path = "../inventory/figures.rs"]
mod figures;
mod link;
mod moving;
mod options;
mod pgbench;
mod processor;
#[path = "../shared/processor_time.rs"]
mod processor_time;
mod rebalance;
mod router;
mod rows;
mod stand;
mod writes;

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use tokio::signal::unix::{SignalKind, signal};

use crate::figures::Figures;
use crate::options::{Options, Part};
use crate::stand::Stand;

fn main() -> Result<()> {
    let options = Options::read(std::env::args().skip(1))?;
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(run(options))
}

async fn run(options: Options) -> Result<()> {
    // Who reads the figures later should know in what weather they were taken.
    let load = std::fs::read_to_string("/proc/loadavg")?;
    let load = load.split_whitespace().next().unwrap_or("unknown").to_owned();
    println!("load average before: {load}");
    let mut all = json!({ "load_average": load });
    for part in &options.parts {
        let stand = Stand::up(part.shards(), part.owners(), part.others(), &options).await?;
        let measured = unless_ended(measure(*part, &stand, &options)).await;
        stand.down().await?;
        all[part.name()] = measured?;
    }
    if let Some(path) = &options.json {
        std::fs::write(path, format!("{all:#}\n")).with_context(|| path.display().to_string())?;
    }
    Ok(())
}

async fn measure(part: Part, stand: &Stand, options: &Options) -> Result<Value> {
    let mut figures = Figures::default();
    match part {
        Part::Writes => {
            writes::run(stand, options, &mut figures).await?;
            print!("{}", writes::Report { figures: &figures, options });
        }
        Part::Move => {
            moving::run(stand, options, &mut figures).await?;
            print!("{}", moving::Report { figures: &figures, options });
        }
        Part::Rebalance => return rebalance::run(stand, options).await,
    }
    Ok(figures.json("above"))
}

/// Servers are taken down as well when somebody has had enough.
async fn unless_ended<T>(work: impl Future<Output = Result<T>>) -> Result<T> {
    let (mut interrupt, mut terminate) =
        (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    tokio::select! {
        done = work => done,
        _ = interrupt.recv() => bail!("interrupted"),
        _ = terminate.recv() => bail!("terminated"),
    }
}
