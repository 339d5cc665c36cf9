//! `cargo xtask bench proxy`: the fault proxy beside Toxiproxy, HAProxy, nginx and no proxy.
//!
//! All contenders stand before one origin and take turns; ratios are taken between neighbours of
//! one turn, and their medians are compared. This machine is noisy, so a figure means something
//! only beside the one that was taken a second before.

#![expect(clippy::print_stdout, reason = "figures are what a benchmark is for")]

#[path = "../shared/command_line.rs"]
mod command_line;
#[path = "../shared/contest/mod.rs"]
mod contest;
mod figures;
mod measure;
mod options;
#[path = "../shared/processor_time.rs"]
mod processor_time;
mod report;
mod stand;

use std::ffi::OsString;

use anyhow::Result;
use standfast_engines::process::{Guardian, Spawner};

use crate::contest::{rate, requests};
use crate::figures::Figures;
use crate::measure::{bandwidth, bulk, control, idle, latency};
use crate::options::{Options, Part};
use crate::stand::{Contender, Descriptors, Origin, Programs};

fn main() -> Result<()> {
    let options = Options::read(std::env::args().skip(1))?;
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(run(options))
}

async fn run(options: Options) -> Result<()> {
    let descriptors = Descriptors::raise()?;
    let guardian = Guardian::Program {
        program: options.binary.clone(),
        arguments: vec![OsString::from("guard")],
    };
    let spawner = Spawner::start(guardian)?;
    let programs = Programs::find(&options.only, &options.binary, spawner, descriptors).await?;
    let origin = Origin::start()?;
    // Who reads the figures later should know in what weather they were taken.
    let load = std::fs::read_to_string("/proc/loadavg")?;
    let load = load.split_whitespace().next().unwrap_or("unknown");
    let Options { rounds: count, seconds, .. } = options;
    println!("{count} rounds, {seconds} s for each figure; load average before: {load}");
    let mut figures = Figures::default();
    rounds(&programs, &origin, &options, &mut figures).await?;
    if options.wants(Part::Idle) {
        let wanted = options.idle_connections;
        let connections = wanted.min(descriptors.connections());
        if connections < wanted {
            println!(
                "{connections} idle connections instead of {wanted}: `ulimit -n` allows no more"
            );
        }
        let stand = programs.bring_up(&origin).await?;
        idle::run(&stand, connections, &mut figures).await?;
        stand.take_down().await?;
    }
    if options.wants(Part::Control) {
        control_calls(&programs, &options, &mut figures).await?;
    }
    println!("{}", report::Report { figures: &figures });
    Ok(())
}

async fn rounds(
    programs: &Programs,
    origin: &Origin,
    options: &Options,
    figures: &mut Figures,
) -> Result<()> {
    let stand = programs.bring_up(origin).await?;
    let each = options.each();
    for round in 1..=options.rounds {
        if options.wants(Part::Requests) {
            requests::round(&stand, each, figures).await?;
        }
        if options.wants(Part::Rate) {
            rate::round(&stand, each, figures).await?;
        }
        if options.wants(Part::Bulk) {
            bulk::round(&stand, each, figures).await?;
        }
        if options.wants(Part::Latency) {
            latency::round(&stand, origin, figures).await?;
        }
        if options.wants(Part::Bandwidth) {
            bandwidth::round(&stand, origin, figures).await?;
        }
        println!("round {round} of {} done", options.rounds);
    }
    stand.take_down().await
}

async fn control_calls(
    programs: &Programs,
    options: &Options,
    figures: &mut Figures,
) -> Result<()> {
    for _ in 0..options.rounds {
        control::round(programs, Contender::Standfast, figures).await?;
    }
    if options.with_wedge {
        control::round(programs, Contender::Toxiproxy, figures).await?;
    } else {
        println!("skipped: Toxiproxy with a paused upstream: it takes a while, see --with-wedge");
    }
    Ok(())
}
