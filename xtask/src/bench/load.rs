//! `cargo xtask bench load`: what the generator costs, and whether it tells the truth.
//!
//! Three questions, each put to ours and to every rival on this machine, interleaved: processor
//! time per request in a closed loop; the same at a fixed 2,000/s; the p99 that is reported when
//! the server freezes for 2 s within 20 s at 500/s. Of the last, the truth is known: a tenth of all
//! requests are intended during the freeze and wait uniformly up to 2 s, so that 1 % waits longer
//! than 1.8 s.

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use super::rival::{Job, Rival, Said};
use super::{measured, median, option};
use crate::cargo;

const RATE: u32 = 2_000;
const FAST_RATE: u32 = 5_000;
const FREEZE_RATE: u32 = 500;
const FREEZE_RUN_SECONDS: u32 = 20;
const CONNECTIONS: u32 = 32;

pub(crate) fn run(arguments: &[&str]) -> Result<(), String> {
    let rounds = option(arguments, "--rounds", 5)?;
    let seconds = option(arguments, "--seconds", 4)?;
    cargo::run(&["build", "--profile", "bench", "-p", "standfast-loadgen", "--examples"])?;
    let examples = cargo::root().join("target/release/examples");
    let rivals = here(&examples);
    let server = Server::start(&examples.join("trivial"), &[])?;

    eprintln!(
        "\nprocessor time per request, closed loop, {CONNECTIONS} connections, {rounds} rounds:"
    );
    cost(&rivals, &server.url, None, rounds, seconds)?;
    eprintln!("\nprocessor time per request at {RATE}/s:");
    cost(&rivals, &server.url, Some(RATE), rounds, seconds)?;
    eprintln!("\n{FAST_RATE}/s for 10 s, ours alone:");
    let job = Job { url: &server.url, connections: 64, seconds: 10, rate: Some(FAST_RATE) };
    let ours = measured::run(&examples.join("load"), &Rival::Standfast.arguments(job))?;
    eprint!("{}", ours.stdout);
    drop(server);
    freeze(&rivals, &examples)
}

/// The rivals that this machine has; the missing ones are named.
fn here(examples: &std::path::Path) -> Vec<(Rival, PathBuf)> {
    let found = |rival: Rival| {
        let program = rival.program(examples);
        if program.is_none() {
            eprintln!("skipped: {} is not on PATH", rival.name());
        }
        Some((rival, program?))
    };
    Rival::ALL.into_iter().filter_map(found).collect()
}

fn cost(
    rivals: &[(Rival, PathBuf)],
    url: &str,
    rate: Option<u32>,
    rounds: u32,
    seconds: u32,
) -> Result<(), String> {
    let able: Vec<_> = rivals.iter().filter(|(rival, _)| rival.can(rate)).collect();
    let mut costs: Vec<Vec<f64>> = vec![Vec::new(); able.len()];
    let mut rates: Vec<Vec<f64>> = vec![Vec::new(); able.len()];
    for _ in 0..rounds {
        for (index, (rival, program)) in able.iter().enumerate() {
            let job = Job { url, connections: CONNECTIONS, seconds, rate };
            let run = measured::run(program, &rival.arguments(job))?;
            let Said { requests, .. } = said(*rival, &run.stdout)?;
            costs[index].push(run.cpu_us / requests);
            rates[index].push(requests / f64::from(seconds));
        }
    }
    for (index, (rival, _)) in able.iter().enumerate() {
        let (cost, rate) = (median(costs[index].clone()), median(rates[index].clone()));
        if let (Some(cost), Some(rate)) = (cost, rate) {
            eprintln!("  {:<10} {cost:>7.1} µs   {rate:>8.0} requests/s", rival.name());
        }
    }
    Ok(())
}

fn freeze(rivals: &[(Rival, PathBuf)], examples: &std::path::Path) -> Result<(), String> {
    eprintln!(
        "\np99 reported for a freeze of 2 s in {FREEZE_RUN_SECONDS} s (the truth is 1,800 ms):"
    );
    for freeze_at in ["5", "14"] {
        for (rival, program) in rivals.iter().filter(|(rival, _)| rival.can(Some(FREEZE_RATE))) {
            let server = Server::start(&examples.join("trivial"), &["--freeze-at", freeze_at])?;
            let job = Job {
                url: &server.url,
                connections: CONNECTIONS,
                seconds: FREEZE_RUN_SECONDS,
                rate: Some(FREEZE_RATE),
            };
            let run = measured::run(program, &rival.arguments(job))?;
            let p99 = said(*rival, &run.stdout)?.p99_ms;
            let p99 = p99.map_or("nothing".to_owned(), |p99| format!("{p99:.0} ms"));
            eprintln!("  {:<10} freeze at {freeze_at:>2} s: {p99}", rival.name());
        }
    }
    Ok(())
}

fn said(rival: Rival, stdout: &str) -> Result<Said, String> {
    rival.read(stdout).ok_or_else(|| format!("{} said nothing usable:\n{stdout}", rival.name()))
}

/// The endpoint of the bench, stopped on drop.
struct Server {
    child: Child,
    url: String,
}

impl Server {
    fn start(program: &std::path::Path, arguments: &[&str]) -> Result<Self, String> {
        let mut child = Command::new(program)
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| format!("cannot start {}: {error}", program.display()))?;
        let mut url = String::new();
        let stdout = child.stdout.take().ok_or("the server has no output")?;
        let read = BufReader::new(stdout).read_line(&mut url);
        let server = Self { child, url: url.trim().to_owned() };
        match read {
            Ok(length) if length > 0 => Ok(server),
            _ => Err(format!("{} did not say where it listens", program.display())),
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself; then there is nothing to stop.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
