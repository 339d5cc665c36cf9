//! Runs a program to its end and measures the processor time that it took.

use std::path::Path;
use std::process::{Command, Stdio};

/// What a program printed, and what it cost.
#[derive(Debug)]
pub(super) struct Measured {
    pub(super) stdout: String,
    /// User and system time of the program and all that it waited for.
    pub(super) cpu_us: f64,
}

/// The kernel counts a child's time in these; every Linux has had 100 a second for decades.
const US_PER_TICK: f64 = 10_000.0;

pub(super) fn run(program: &Path, arguments: &[String]) -> Result<Measured, String> {
    let name = program.display();
    let before = children_ticks()?;
    let output = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .map_err(|error| format!("cannot start {name}: {error}"))?;
    let cpu_us = (children_ticks()? - before) * US_PER_TICK;
    let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
    if !output.status.success() {
        let stderr = String::from_utf8_lossy(&output.stderr);
        return Err(format!("{name} {} failed: {stderr}{stdout}", arguments.join(" ")));
    }
    Ok(Measured { stdout, cpu_us })
}

/// `cutime + cstime` of this process: the time of children that ended and were waited for.
fn children_ticks() -> Result<f64, String> {
    let stat = std::fs::read_to_string("/proc/self/stat")
        .map_err(|error| format!("/proc/self/stat: {error}"))?;
    // The command's name stands in parentheses and may hold blanks: count from behind it. Fields 16
    // and 17 of proc(5) are then the 14th and 15th.
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or("").split_whitespace().collect();
    let field = |index: usize| fields.get(index).and_then(|field| field.parse::<f64>().ok());
    field(13)
        .zip(field(14))
        .map(|(user, system)| user + system)
        .ok_or_else(|| "/proc/self/stat has no children's times".to_owned())
}
