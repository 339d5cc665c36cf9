//! `cargo xtask bench shard`: our placements beside crates that place keys.
//!
//! Two questions: what a lookup costs, and how evenly a million keys lie and how many of them move
//! when the 17th shard comes; for a ring also how that depends on its number of points.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "figures are what it is for")]

mod contender;
mod figures;
mod options;
mod processor;
mod ring;

use std::process::ExitCode;

use crate::options::Options;

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(reason) => {
            eprintln!("bench shard: {reason}");
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
    let rows = figures::measure(&options)?;
    print!("{}", figures::Table(&rows));
    let rings = ring::choices(options.choices);
    print!("{}", ring::Table(&rings));
    if let Some(path) = &options.json {
        let all = serde_json::json!({
            "load_average": load,
            "rounds": options.rounds,
            "placements": figures::json(&rows),
            "rings": ring::json(&rings),
        });
        let text = format!("{all:#}\n");
        std::fs::write(path, text).map_err(|error| format!("{}: {error}", path.display()))?;
    }
    Ok(())
}
