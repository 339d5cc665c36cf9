//! `cargo xtask bench vote` and `bench orders`: the voter beside direct calls to its replicas, and
//! orders through HTTP beside commits by pgbench.

use crate::cargo;

pub(crate) fn vote(arguments: &[&str]) -> Result<(), String> {
    run("vote", arguments)
}

pub(crate) fn orders(arguments: &[&str]) -> Result<(), String> {
    run("orders", arguments)
}

fn run(what: &str, arguments: &[&str]) -> Result<(), String> {
    let cargo = ["bench", "--package", "standfast", "--bench", "inventory", "--", what];
    cargo::run(&[&cargo, arguments].concat())
}
