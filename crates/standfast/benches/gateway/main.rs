//! `cargo xtask bench gateway`: travelhub's gateway, with breaker, deadline and shedding on, beside
//! HAProxy and nginx as plain reverse proxies, and no proxy.
//!
//! All stand before one origin and take turns; figures are medians over turns, and what a proxy
//! adds is taken from the turn without one just before.

#![expect(clippy::print_stdout, reason = "figures are what a benchmark is for")]

#[path = "../shared/command_line.rs"]
mod command_line;
#[path = "../shared/contest/mod.rs"]
mod contest;
mod figures;
mod measure;
mod options;
mod origin;
#[path = "../shared/processor_time.rs"]
mod processor_time;
mod report;
mod rivals;
mod stand;

use std::ffi::OsString;

use anyhow::{Context, Result};
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use standfast_engines::process::{Guardian, Spawner};

use crate::contest::{rate, requests};
use crate::figures::Figures;
use crate::options::Options;
use crate::origin::Origin;
use crate::stand::Stand;

/// Five thousand connections are ten thousand descriptors of a proxy.
const DESCRIPTORS: u64 = 20_000;

fn main() -> Result<()> {
    let options = Options::read(std::env::args().skip(1))?;
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(run(options))
}

async fn run(options: Options) -> Result<()> {
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE)?;
    let wanted = soft.max(DESCRIPTORS);
    setrlimit(Resource::RLIMIT_NOFILE, wanted, hard.max(wanted))
        .context("cannot raise `ulimit -n`")?;
    let guardian = Guardian::Program {
        program: options.binary.clone(),
        arguments: vec![OsString::from("guard")],
    };
    let spawner = Spawner::start(guardian)?;
    let origin = Origin::start()?;
    // Who reads the figures later should know in what weather they were taken.
    let load = std::fs::read_to_string("/proc/loadavg")?;
    let load = load.split_whitespace().next().unwrap_or("unknown");
    let Options { rounds, seconds, .. } = options;
    println!("{rounds} rounds, {seconds} s for each figure; load average before: {load}");
    let mut figures = Figures::default();
    let stand = Stand::bring_up(&options, &spawner, &origin).await?;
    for round in 1..=options.rounds {
        requests::round(&stand, options.each(), &mut figures).await?;
        rate::round(&stand, options.each(), &mut figures).await?;
        measure::bulk(&stand, options.each(), &mut figures).await?;
        println!("round {round} of {rounds} done");
    }
    stand.take_down().await?;
    // Fresh ones: what they had before would count as free room.
    let stand = Stand::bring_up(&options, &spawner, &origin).await?;
    measure::idle(&stand, options.idle_connections, &mut figures).await?;
    stand.take_down().await?;
    println!("{}", report::Report { figures: &figures });
    Ok(())
}
