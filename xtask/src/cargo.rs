//! Starts cargo (and other programs) from the root of the workspace, and says what it started.

use std::path::{Path, PathBuf};
use std::process::Command;

/// The root of the workspace, wherever the task was called from.
pub(crate) fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().expect("xtask stands one folder below the root").to_owned()
}

pub(crate) fn run(arguments: &[&str]) -> Result<(), String> {
    run_with(&[], arguments)
}

pub(crate) fn run_with(environment: &[(&str, &str)], arguments: &[&str]) -> Result<(), String> {
    let line = format!("cargo {}", arguments.join(" "));
    eprintln!("xtask: {line}");
    let status = Command::new(env!("CARGO"))
        .args(arguments)
        .envs(environment.iter().copied())
        .current_dir(root())
        .status()
        .map_err(|error| format!("cannot start `{line}`: {error}"))?;
    if status.success() { Ok(()) } else { Err(format!("`{line}` failed with {status}")) }
}

/// What a program printed, when it is there and succeeded.
pub(crate) fn output(program: &str, arguments: &[&str]) -> Result<String, String> {
    let output = Command::new(program)
        .args(arguments)
        .current_dir(root())
        .output()
        .map_err(|error| format!("cannot start `{program}`: {error}"))?;
    if !output.status.success() {
        let told = String::from_utf8_lossy(&output.stderr);
        return Err(format!("`{program} {}` failed: {told}", arguments.join(" ")));
    }
    String::from_utf8(output.stdout).map_err(|error| format!("`{program}`: {error}"))
}
