//! `cargo xtask bench cache`: what a cache hit costs beside a raw Valkey GET, and a stampede.

use crate::cargo;

pub(crate) fn run(arguments: &[&str]) -> Result<(), String> {
    cargo::run(
        &[&["bench", "--package", "standfast", "--bench", "cache", "--"], arguments].concat(),
    )
}
