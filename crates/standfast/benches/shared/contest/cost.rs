//! What a contender costs: processor time and memory of its whole process tree.

use anyhow::{Context, Result, ensure};
use standfast_engines::process::Child;

use crate::processor_time::processor_us;
use crate::stand::Running;

/// Time on a processor so far, in microseconds. Nothing where nothing stands between.
pub(crate) fn cpu_us(running: &Running) -> Result<f64> {
    running.child.as_ref().map_or(Ok(0.0), |child| total(child, processor_us))
}

/// Memory in kilobytes; pages shared with other processes count in part.
pub(crate) fn memory_kb(running: &Running) -> Result<f64> {
    running.child.as_ref().map_or(Ok(0.0), |child| total(child, process_memory_kb))
}

fn total(child: &Child, of: impl Fn(u32) -> Result<f64>) -> Result<f64> {
    ensure!(child.is_running(), "{} has ended, see its log", child.name());
    let pids = child.descendants().into_iter().map(|id| id.pid).chain([child.pid()]);
    pids.map(of).sum()
}

fn process_memory_kb(pid: u32) -> Result<f64> {
    let path = format!("/proc/{pid}/smaps_rollup");
    let text = std::fs::read_to_string(&path).with_context(|| path.clone())?;
    let line = text.lines().find_map(|line| line.strip_prefix("Pss:"));
    let kilobytes = line.and_then(|line| line.split_whitespace().next()?.parse().ok());
    kilobytes.with_context(|| format!("{path} tells no memory"))
}
