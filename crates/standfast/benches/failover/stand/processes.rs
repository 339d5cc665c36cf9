//! Signals to a server and all that it started, at once: what freezes a tree before it kills it, as
//! the lab does to be sure of its effect, takes time that would count as outage.

use std::fs;

use anyhow::{Result, ensure};
use standfast_engines::process::{ProcessId, Signal};

/// A process and its descendants, itself first.
pub(super) fn tree(root: u32) -> Vec<ProcessId> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    let parents: Vec<(u32, u32)> = pids.filter_map(|pid| Some((pid, parent_of(pid)?))).collect();
    let mut found = vec![root];
    let mut next = 0;
    while let Some(parent) = found.get(next).copied() {
        found.extend(parents.iter().filter(|(_, of)| *of == parent).map(|(pid, _)| *pid));
        next += 1;
    }
    found.into_iter().filter_map(ProcessId::of).collect()
}

/// `kill -9`, the root first: it starts no more children then.
pub(super) fn kill(root: u32) -> Result<()> {
    let tree = tree(root);
    let is_hit = tree.iter().filter(|process| process.signal(Signal::SIGKILL)).count() > 0;
    ensure!(is_hit, "process {root} has ended already");
    Ok(())
}

fn parent_of(pid: u32) -> Option<u32> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name may hold blanks and parentheses: count from behind it.
    stat.rsplit(')').next()?.split_whitespace().nth(1)?.parse().ok()
}
