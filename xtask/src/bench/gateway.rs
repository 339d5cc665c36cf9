//! `cargo xtask bench gateway`: travelhub's gateway against nginx, HAProxy and no proxy.

use crate::cargo;

pub(crate) fn run(arguments: &[&str]) -> Result<(), String> {
    cargo::run(
        &[&["bench", "--package", "standfast", "--bench", "gateway", "--"], arguments].concat(),
    )
}
