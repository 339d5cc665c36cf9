//! `cargo xtask bench breaker`: our circuit breaker beside those of tower-resilience and seatbelt.
//!
//! The rivals are a package with a lock of its own, built here and by nothing else.

use crate::cargo;

const MANIFEST: &str = "xtask/rivals/breaker/Cargo.toml";

pub(crate) fn run(arguments: &[&str]) -> Result<(), String> {
    let cargo = ["run", "--release", "--locked", "--manifest-path", MANIFEST];
    // The workspace's own folder: nothing is built twice, and nothing lies elsewhere.
    cargo::run(&[&cargo, ["--target-dir", "target", "--"].as_slice(), arguments].concat())
}
