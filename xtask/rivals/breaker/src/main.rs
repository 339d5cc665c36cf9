//! `cargo xtask bench breaker`: our circuit breaker beside those of tower-resilience and seatbelt.
//!
//! Two questions: what a call costs that is let through and recorded, and whether the defects that
//! breakers are known for are there. All are used through their public surface, and set up alike as
//! far as they can be.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "figures are what it is for")]

mod contender;
mod cost;
mod defects;
mod figures;
mod options;

use std::process::ExitCode;

use crate::options::Options;

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(reason) => {
            eprintln!("bench breaker: {reason}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), String> {
    let options = Options::read(std::env::args().skip(1))?;
    // Who reads the figures later should know in what weather they were taken.
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let load = load.split_whitespace().next().unwrap_or("unknown").to_owned();
    println!("{} rounds; load average before: {load}", options.rounds);
    let costs = cost::measure(&options);
    print!("{}", figures::Table(&costs));
    let verdicts = defects::run_all();
    print!("{}", defects::Table(&verdicts));
    if let Some(path) = &options.json {
        let all = serde_json::json!({
            "load_average": load,
            "rounds": options.rounds,
            "cost_ns": figures::json(&costs),
            "defects": defects::json(&verdicts),
        });
        let text = format!("{all:#}\n");
        std::fs::write(path, text).map_err(|error| format!("{}: {error}", path.display()))?;
    }
    Ok(())
}
