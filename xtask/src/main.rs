//! Development tasks, typed and tested like the rest: `cargo xtask ci | test | tidy | …`.
//!
//! No dependencies, so that it compiles in a second on a clean clone. Continuous integration calls
//! `cargo xtask ci` and nothing else: what passes here passes there.

#![expect(
    clippy::disallowed_methods,
    clippy::print_stderr,
    reason = "a task runner starts programs and speaks to the developer"
)]

mod bench;
mod cargo;
mod tidy;

use std::process::ExitCode;

const USAGE: &str = "\
usage: cargo xtask TASK

  ci               what continuous integration runs: format, tidy, clippy, test, doc
  test [FILTER]    brings missing engines, then runs all tests, browser included
  tidy             the house rules that no other tool checks
  bless            rewrites snapshots and published schemas from what the code says now
  bench load       generator cost and truthfulness against wrk, wrk2, oha, hey where they are found
  bench cache      hit path against a raw Valkey GET, and a stampede on one cold key
  bench proxy      the fault proxy against Toxiproxy, HAProxy, nginx and no proxy
  bench gateway    travelhub's gateway against nginx, HAProxy and no proxy
  bench vote       the voter against the second-fastest of three direct calls
  bench orders     orders with durable acknowledgement against pgbench on the same PostgreSQL
  bench failover   kills, freezes and switchovers of databases in series, with writers at full speed
  bench breaker    a call through our circuit breaker, and known defects, against tower-resilience
                   and seatbelt
  bench shard      lookup (keys, against anchorhash and others), writes (routed, against pgbench),
                   move (rows, against pg_dump), rebalance (4 to 5 to 4 shards under writes)
  soak [KILLS]     random `kill -9` of any process of cache-fallback (default 200), bounded in time
";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let result = match words.as_slice() {
        ["ci"] => ci(),
        ["test", rest @ ..] => test(rest),
        ["tidy"] => tidy::run(),
        ["bless"] => bless(),
        ["bench", "load", rest @ ..] => bench::load(rest),
        ["bench", "cache", rest @ ..] => bench::cache(rest),
        ["bench", "proxy", rest @ ..] => bench::proxy(rest),
        ["bench", "gateway", rest @ ..] => bench::gateway(rest),
        ["bench", "vote", rest @ ..] => bench::vote(rest),
        ["bench", "orders", rest @ ..] => bench::orders(rest),
        ["bench", "failover", rest @ ..] => bench::failover(rest),
        ["bench", "breaker", rest @ ..] => bench::breaker(rest),
        ["bench", "shard", rest @ ..] => bench::shard(rest),
        ["soak", rest @ ..] => soak(rest),
        ["help" | "--help" | "-h"] => {
            eprint!("{USAGE}");
            Ok(())
        }
        _ => {
            eprint!("{USAGE}");
            return ExitCode::from(2);
        }
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(reason) => {
            eprintln!("xtask: {reason}");
            ExitCode::FAILURE
        }
    }
}

fn ci() -> Result<(), String> {
    cargo::run(&["fmt", "--all", "--check"])?;
    tidy::run()?;
    // Not by RUSTFLAGS: that would rebuild every dependency.
    cargo::run(&["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"])?;
    cargo::run(&["doc", "--workspace", "--no-deps"])?;
    // Last, so that the test runner's own closing lines end the log.
    test(&[])
}

fn test(filter: &[&str]) -> Result<(), String> {
    // The binary is built first: integration tests start it as a user would.
    cargo::run(&["build", "--package", "standfast"])?;
    cargo::run(&["run", "--quiet", "--package", "standfast", "--", "setup", "--yes", "--tests"])?;
    cargo::run(&[&["test", "--workspace", "--no-fail-fast"], filter].concat())
}

fn bless() -> Result<(), String> {
    let environment = [("INSTA_UPDATE", "always"), ("STANDFAST_BLESS", "1")];
    cargo::run_with(&environment, &["test", "--workspace"])
}

fn soak(rest: &[&str]) -> Result<(), String> {
    let kills = rest.first().copied().unwrap_or("200");
    kills.parse::<u32>().map_err(|_| format!("`{kills}` is no number of kills"))?;
    let soak = ["test", "--package", "standfast", "--test", "it", "soak", "--", "--nocapture"];
    cargo::run_with(&[("STANDFAST_SOAK_KILLS", kills)], &soak)
}
