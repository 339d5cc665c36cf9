//! The generator as a program, to measure its own cost beside other generators.
//!
//! `cargo run --release -p standfast-loadgen --example load -- URL --connections 32` is a closed
//! loop; with `--rate 2000` it sends at that rate whatever the server does.

#![expect(clippy::print_stdout, reason = "figures are this program's result")]

use std::time::Duration;

use clap::{Parser, ValueEnum};
use hdrhistogram::Histogram;
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::{TimeVal, TimeValLike};
use standfast_loadgen::{Arrivals, LoadPlan, Scenario, closed, hgrm, latency};
use tokio::time::Instant;

const START_DELAY: Duration = Duration::from_millis(50);

#[derive(Debug, Parser)]
struct Arguments {
    url: String,
    /// Attempts per second; without, a closed loop.
    #[arg(long)]
    rate: Option<f64>,
    #[arg(long, value_enum, default_value = "constant")]
    arrivals: ArrivalsArgument,
    #[arg(long, default_value_t = 10.0)]
    seconds: f64,
    /// Clients of a closed loop, or connections at most.
    #[arg(long, default_value_t = 256)]
    connections: usize,
    /// Milliseconds from the intended send time to the client's deadline.
    #[arg(long, default_value_t = 10_000)]
    timeout_ms: u64,
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Where the latency distribution is written.
    #[arg(long)]
    hgrm: Option<std::path::PathBuf>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum ArrivalsArgument {
    Constant,
    Poisson,
}

#[derive(Debug)]
struct Report {
    intended: u64,
    ok: u64,
    missed: Option<u64>,
    elapsed: Duration,
    latency: Histogram<u64>,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments = Arguments::parse();
    let report = match arguments.rate {
        Some(rate) => open_loop(&arguments, rate).await?,
        None => closed_loop(&arguments).await?,
    };
    print(&report)?;
    if let Some(path) = &arguments.hgrm {
        hgrm::write(&mut std::fs::File::create(path)?, &report.latency)?;
    }
    Ok(())
}

async fn open_loop(
    arguments: &Arguments,
    rate_per_s: f64,
) -> Result<Report, Box<dyn std::error::Error>> {
    let (scenario, target) = Scenario::from_url(&arguments.url)?;
    let arrivals = match arguments.arrivals {
        ArrivalsArgument::Constant => Arrivals::Constant,
        ArrivalsArgument::Poisson => Arrivals::Poisson,
    };
    let plan = LoadPlan {
        scenario,
        target,
        rate_per_s,
        arrivals,
        start: Duration::ZERO,
        duration: Duration::from_secs_f64(arguments.seconds),
        timeout: Duration::from_millis(arguments.timeout_ms),
        connections_max: arguments.connections,
        seed: arguments.seed,
    };
    // The thread has to be there when the first attempt is due.
    let begun = Instant::now() + START_DELAY;
    let load = standfast_loadgen::start(vec![plan], begun)?;
    let outcome = load.finish().await.pop().ok_or("a plan has an outcome")?;
    let elapsed = begun.elapsed();
    let is_ok = |operation: &&standfast_history::Operation| {
        operation.outcome == standfast_history::Outcome::Ok
    };
    Ok(Report {
        intended: outcome.intended,
        ok: outcome.operations.iter().filter(is_ok).count() as u64,
        missed: Some(outcome.missed),
        elapsed,
        latency: latency::of(&outcome.operations),
    })
}

async fn closed_loop(arguments: &Arguments) -> Result<Report, Box<dyn std::error::Error>> {
    let (scenario, target) = Scenario::from_url(&arguments.url)?;
    let load = closed::start(closed::ClosedPlan {
        scenario,
        target,
        connections: arguments.connections,
        duration: Duration::from_secs_f64(arguments.seconds),
        timeout: Duration::from_millis(arguments.timeout_ms),
        seed: arguments.seed,
    })?;
    let outcome = load.finish().await;
    Ok(Report {
        intended: outcome.ok + outcome.failed + outcome.info,
        ok: outcome.ok,
        missed: None,
        elapsed: outcome.elapsed,
        latency: outcome.latency,
    })
}

/// One `name value` per line, so that a script can read it.
fn print(report: &Report) -> nix::Result<()> {
    let usage = getrusage(UsageWho::RUSAGE_SELF)?;
    let micros = |time: TimeVal| time.num_microseconds();
    // The whole process counts, as it does for the generators beside which it is measured.
    let cpu_us = micros(usage.user_time()) + micros(usage.system_time());
    println!("requests {}", report.intended);
    println!("ok {}", report.ok);
    println!("seconds {:.3}", report.elapsed.as_secs_f64());
    if let Some(missed) = report.missed {
        println!("missed {missed}");
    }
    let per_request = |total: i64| {
        #[expect(clippy::cast_precision_loss, reason = "microseconds of a short run")]
        let share = total as f64 / report.intended.max(1) as f64;
        share
    };
    println!("cpu_us_per_request {:.2}", per_request(cpu_us));
    println!("rate_per_s {:.0}", report.intended as f64 / report.elapsed.as_secs_f64());
    for (name, quantile) in [("p50", 0.5), ("p90", 0.9), ("p99", 0.99), ("p999", 0.999)] {
        println!("{name}_us {}", report.latency.value_at_quantile(quantile));
    }
    println!("max_us {}", report.latency.max());
    Ok(())
}
