//! Benchmarks: figures with the command that repeats them. Never part of a test, since timings are
//! noisy: every rival runs interleaved with ours in one run, and medians are compared.

mod breaker;
mod cache;
mod failover;
mod gateway;
mod inventory;
mod load;
mod measured;
mod proxy;
mod rival;
mod shard;

pub(crate) use breaker::run as breaker;
pub(crate) use cache::run as cache;
pub(crate) use failover::run as failover;
pub(crate) use gateway::run as gateway;
pub(crate) use inventory::{orders, vote};
pub(crate) use load::run as load;
pub(crate) use proxy::run as proxy;
pub(crate) use shard::run as shard;

use crate::cargo;

/// Runs a package of `xtask/rivals`, which has a lock of its own and is built here and by nothing
/// else.
fn beside_crates(package: &str, arguments: &[&str]) -> Result<(), String> {
    let manifest = format!("xtask/rivals/{package}/Cargo.toml");
    let cargo = ["run", "--release", "--locked", "--manifest-path", &manifest];
    // The workspace's own folder: nothing is built twice, and nothing lies elsewhere.
    cargo::run(&[&cargo, ["--target-dir", "target", "--"].as_slice(), arguments].concat())
}

/// The middle of the sorted figures; of an even number, the lower of the two.
fn median(mut figures: Vec<f64>) -> Option<f64> {
    figures.sort_by(f64::total_cmp);
    figures.get(figures.len().saturating_sub(1) / 2).copied()
}

/// A number after an option such as `--rounds`, or its default.
fn option(arguments: &[&str], name: &str, default: u32) -> Result<u32, String> {
    let Some(position) = arguments.iter().position(|argument| *argument == name) else {
        return Ok(default);
    };
    let value = arguments.get(position + 1).copied().unwrap_or("");
    match value.parse() {
        Ok(number) if number > 0 => Ok(number),
        _ => Err(format!("{name} wants a positive number, not `{value}`")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_middle() {
        assert_eq!(median(vec![3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(vec![4.0, 1.0]), Some(1.0));
        assert_eq!(median(vec![]), None);
    }

    #[test]
    fn options_have_defaults_and_are_checked() {
        assert_eq!(option(&[], "--rounds", 5), Ok(5));
        assert_eq!(option(&["--rounds", "3"], "--rounds", 5), Ok(3));
        assert!(option(&["--rounds"], "--rounds", 5).is_err());
        assert!(option(&["--rounds", "0"], "--rounds", 5).is_err());
    }
}
