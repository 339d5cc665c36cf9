//! `cargo xtask bench failover`: how long writes are gone when a primary dies, hangs or is
//! relieved, and what became of those that were acknowledged.

use crate::cargo;

pub(crate) fn run(arguments: &[&str]) -> Result<(), String> {
    let cargo = ["bench", "--package", "standfast", "--bench", "failover", "--"];
    cargo::run(&[&cargo, arguments].concat())
}
