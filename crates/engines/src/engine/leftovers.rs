//! Processes of an earlier run that still sit in a data folder.
//!
//! When somebody kills a postmaster with SIGKILL, its backends notice and end, but one that was
//! frozen does not, and PostgreSQL then refuses to start over its shared memory. Engines run with
//! their data folder as working directory, and that is how their orphans are recognised.

use std::fs;
use std::io;
use std::path::Path;
use std::time::Duration;

use super::site::remove_folder;
use crate::postgres;
use crate::process::{ProcessId, proc_folder, tree};

/// How long one of them may take to die.
const LEFTOVER_PATIENCE: Duration = Duration::from_secs(5);

/// Kills every process whose working directory is `data` or below it, however it came there.
pub(crate) fn end_leftovers(data: &Path) {
    if let Err(left) = end_all_in(data) {
        tracing::warn!(?left, "not gone after SIGKILL");
    }
}

/// The same, and answers how many there were.
///
/// # Errors
/// Those that are still there.
pub(super) fn end_all_in(data: &Path) -> Result<usize, Vec<ProcessId>> {
    let Ok(data) = fs::canonicalize(data) else { return Ok(0) };
    let found = at_work_in(&data);
    for leftover in &found {
        tracing::warn!(pid = leftover.pid, data = %data.display(), "ending a leftover");
        tree::kill(*leftover, &[], LEFTOVER_PATIENCE)?;
    }
    // One of them may have started another one meanwhile.
    match at_work_in(&data) {
        none if none.is_empty() => Ok(found.len()),
        left => Err(left),
    }
}

pub(super) fn at_work_in(data: &Path) -> Vec<ProcessId> {
    let works_there = |pid: &u32| {
        let directory = fs::read_link(format!("/proc/{pid}/cwd"));
        directory.is_ok_and(|directory| directory.starts_with(data))
    };
    proc_folder::pids().filter(works_there).filter_map(ProcessId::of).collect()
}

/// Deletes a data folder with whatever still works in it: for instances of a dead standfast, whose
/// engines nobody can ask any more. Does nothing when there is no such folder.
///
/// # Errors
/// When the file system refuses.
pub fn discard_data(data: &Path) -> io::Result<()> {
    end_leftovers(data);
    postgres::release_shared_memory(data);
    postgres::remove_node(data)?;
    remove_folder(data)
}
