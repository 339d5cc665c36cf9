//! Files that results go to at the end: that they cannot be written is said at the beginning.

use std::fs::{self, OpenOptions};
use std::io;
use std::path::Path;

use crate::exit::{Exit, Failure};

/// Tries whether the file can be written, and leaves everything as it was.
pub(super) fn check(path: &Path) -> Result<(), Failure> {
    let is_new = !path.exists();
    let opened = OpenOptions::new().create(true).append(true).open(path);
    opened.map_err(|error| cannot_write(path, error))?;
    match is_new {
        true => fs::remove_file(path).map_err(|error| cannot_write(path, error)),
        false => Ok(()),
    }
}

pub(super) fn cannot_write(path: &Path, error: io::Error) -> Failure {
    let text = format!("cannot write `{}`", path.display());
    Failure::new(Exit::Usage, anyhow::Error::new(error).context(text))
}
