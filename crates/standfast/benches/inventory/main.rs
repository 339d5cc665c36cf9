//! `cargo xtask bench vote` and `bench orders`: what the voter adds to the replicas that it asks,
//! and orders per second beside what PostgreSQL commits without a service.
//!
//! Both on voted-inventory as the lab brings it up. Rivals run interleaved, and ratios are taken
//! within a turn: this machine is noisy, so a figure means something only beside the one that was
//! taken a second before.

#![expect(clippy::print_stdout, reason = "figures are what a benchmark is for")]

#[path = "../shared/command_line.rs"]
mod command_line;
mod cpu;
mod figures;
#[path = "../cache/http.rs"]
mod http;
mod options;
mod orders;
mod pgbench;
#[path = "../shared/processor_time.rs"]
mod processor_time;
mod replicas;
mod rig;
mod vote;

use anyhow::{Context, Result};

use crate::figures::Figures;
use crate::options::{Bench, Options};
use crate::rig::Rig;

fn main() -> Result<()> {
    let options = Options::read(std::env::args().skip(1))?;
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(run(options))
}

async fn run(options: Options) -> Result<()> {
    // Who reads the figures later should know in what weather they were taken.
    let load = std::fs::read_to_string("/proc/loadavg")?;
    let load = load.split_whitespace().next().unwrap_or("unknown").to_owned();
    println!("{} rounds of {} s; load average before: {load}", options.rounds, options.seconds);
    let rig = Rig::bring_up(&options.binary).await?;
    let mut figures = Figures::default();
    let measured = match options.bench {
        Bench::Vote => vote::run(&rig, &options, &mut figures).await,
        Bench::Orders => orders::run(&rig, &options, &mut figures).await,
    };
    rig.take_down().await?;
    measured?;
    match options.bench {
        Bench::Vote => print!("{}", vote::Report(&figures)),
        Bench::Orders => print!("{}", orders::Report(&figures)),
    }
    if let Some(path) = &options.json {
        let text = format!("{:#}\n", figures.json(&load));
        std::fs::write(path, text).with_context(|| path.display().to_string())?;
    }
    Ok(())
}
