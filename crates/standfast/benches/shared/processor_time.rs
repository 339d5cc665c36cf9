//! Time that a process was on a processor, as the kernel accounts it.

use anyhow::{Context, Result, ensure};

/// Of all threads of process `pid` so far, in microseconds. Its sum in `stat` comes in steps of
/// 10 ms, which is too coarse for one second at a moderate rate.
pub(crate) fn processor_us(pid: u32) -> Result<f64> {
    let folder = format!("/proc/{pid}/task");
    let mut spent_ns = 0.0;
    for task in std::fs::read_dir(&folder).with_context(|| folder.clone())? {
        let path = task?.path().join("schedstat");
        // A thread may have ended since the folder was read.
        let Ok(schedstat) = std::fs::read_to_string(&path) else { continue };
        let on_processor_ns = schedstat.split_whitespace().next().and_then(|ns| ns.parse().ok());
        spent_ns += on_processor_ns.unwrap_or(0.0);
    }
    ensure!(spent_ns > 0.0, "{folder} tells no times");
    Ok(spent_ns / 1000.0)
}
