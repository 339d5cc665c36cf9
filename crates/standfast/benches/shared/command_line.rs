//! Words of a benchmark's command line.

use std::path::PathBuf;

use anyhow::{Context, Result};

/// A number, or an error that ends with `usage`.
pub(crate) fn positive(word: &str, usage: &str) -> Result<u32> {
    let number = word.parse().ok().filter(|number| *number > 0);
    number.with_context(|| format!("`{word}` is no positive whole number\n{usage}"))
}

/// A program. Children run in folders of their own, so its path is made whole.
pub(crate) fn program(path: &str) -> Result<PathBuf> {
    std::fs::canonicalize(path).with_context(|| path.to_owned())
}
