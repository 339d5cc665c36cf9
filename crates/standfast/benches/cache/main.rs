//! `cargo xtask bench cache`: what a cache hit costs beside a raw Valkey GET, and what a thousand
//! clients on one cold key cost the database.
//!
//! Rivals run interleaved, round by round, and medians of the rounds are compared: this machine is
//! noisy, so a figure means something only beside the one that was taken a second before.

#![expect(clippy::print_stdout, reason = "figures are what a benchmark is for")]

mod figures;
mod http;
mod options;
mod processor;
#[path = "../shared/processor_time.rs"]
mod processor_time;
mod resp;
mod rig;
mod round_trip;
mod stampede;
mod wire;

use anyhow::Result;

use crate::figures::Figures;
use crate::options::Options;
use crate::rig::Rig;

fn main() -> Result<()> {
    let options = Options::read(std::env::args().skip(1))?;
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(run(options))
}

async fn run(options: Options) -> Result<()> {
    let rig = Rig::bring_up(&options.binary).await?;
    let figures = measure(&rig, &options).await;
    rig.take_down().await?;
    println!("{}", figures?);
    Ok(())
}

async fn measure(rig: &Rig, options: &Options) -> Result<Figures> {
    let entry = rig.warm().await?;
    println!(
        "cached entry: {} bytes; {} rounds of {} s each",
        entry.length, options.rounds, options.seconds
    );
    let mut figures = Figures::default();
    let mut trips = round_trip::Rivals::new(rig, &entry)?;
    for round in 1..=options.rounds {
        trips = trips.round(options.each(), &mut figures).await?;
        processor::round(rig, options.each(), &mut figures).await?;
        println!("round {round} of {} done", options.rounds);
    }
    stampede::run(rig, &mut figures).await?;
    Ok(figures)
}
