//! `cargo xtask bench proxy`: the fault proxy beside Toxiproxy, HAProxy, nginx and no proxy.

use crate::cargo;

pub(crate) fn run(arguments: &[&str]) -> Result<(), String> {
    cargo::run(
        &[&["bench", "--package", "standfast", "--bench", "proxy", "--"], arguments].concat(),
    )
}
