//! The house rules that no other tool checks, each with its reason in the message.

mod dependencies;
mod experiments;
mod source;

use std::path::{Path, PathBuf};

use crate::cargo;

/// Where a rule is broken, and what to do about it.
struct Finding {
    place: String,
    problem: String,
}

impl Finding {
    fn new(place: impl Into<String>, problem: impl Into<String>) -> Self {
        Self { place: place.into(), problem: problem.into() }
    }
}

pub(crate) fn run() -> Result<(), String> {
    let root = cargo::root();
    let mut findings = Vec::new();
    source::check(&root, &tracked_files()?, &mut findings)?;
    dependencies::check_arrows(&root, &mut findings)?;
    dependencies::check_licences(&mut findings)?;
    experiments::check(&root, &mut findings)?;
    if findings.is_empty() {
        eprintln!("xtask: tidy");
        return Ok(());
    }
    for Finding { place, problem } in &findings {
        eprintln!("{place}: {problem}");
    }
    Err(format!("{} breaches of the house rules", findings.len()))
}

/// Files that git tracks or would track; nothing that is built or ignored.
fn tracked_files() -> Result<Vec<PathBuf>, String> {
    let list = cargo::output("git", &["ls-files", "--cached", "--others", "--exclude-standard"])?;
    Ok(list.lines().map(PathBuf::from).filter(|path| cargo::root().join(path).exists()).collect())
}

fn read(path: &Path) -> Result<String, String> {
    std::fs::read_to_string(path)
        .map_err(|error| format!("cannot read {}: {error}", path.display()))
}
