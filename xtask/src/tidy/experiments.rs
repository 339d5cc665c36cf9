//! Every tactic of a shipped system has an experiment that proves it, and every folder is complete.

use std::path::Path;

use super::{Finding, read};

pub(super) fn check(root: &Path, findings: &mut Vec<Finding>) -> Result<(), String> {
    let systems = root.join("crates/systems");
    let entries =
        std::fs::read_dir(&systems).map_err(|error| format!("crates/systems: {error}"))?;
    for entry in entries {
        let folder = entry.map_err(|error| format!("crates/systems: {error}"))?.path();
        if folder.join("system.toml").exists() {
            check_system(root, &folder, findings)?;
        }
    }
    Ok(())
}

fn check_system(root: &Path, folder: &Path, findings: &mut Vec<Finding>) -> Result<(), String> {
    let place = folder.strip_prefix(root).unwrap_or(folder).display().to_string();
    if !folder.join("README.md").exists() {
        findings.push(Finding::new(&place, "a system tells what it shows in its README.md"));
    }
    let mut experiments = String::new();
    let entries = std::fs::read_dir(folder.join("experiments"))
        .map_err(|error| format!("{place}/experiments: {error}"))?;
    for entry in entries {
        let path = entry.map_err(|error| format!("{place}/experiments: {error}"))?.path();
        let text = read(&path)?;
        if !text.contains("[[claim]]") {
            let name = path.display().to_string();
            findings.push(Finding::new(name, "an experiment without a claim proves nothing"));
        }
        experiments.push_str(&text);
    }
    let system = read(&folder.join("system.toml"))?;
    for name in system.lines().filter_map(|line| line.strip_prefix("[tactic.")) {
        let name = name.trim_end_matches(']');
        let is_proven = experiments.lines().any(|line| names_tactic(line, name));
        if !is_proven {
            let problem = format!("no experiment proves tactic `{name}`");
            findings.push(Finding::new(format!("{place}/system.toml"), problem));
        }
    }
    Ok(())
}

fn names_tactic(line: &str, name: &str) -> bool {
    line.strip_prefix("tactic").is_some_and(|rest| {
        let value = rest.trim_start().trim_start_matches('=').trim_start();
        value.strip_prefix('"').and_then(|value| value.split('"').next()) == Some(name)
    })
}

#[cfg(test)]
mod tests {
    use super::names_tactic;

    #[test]
    fn a_tactic_is_found_by_its_whole_name() {
        assert!(names_tactic("tactic = \"stale-fallback\"  # the copy", "stale-fallback"));
        assert!(!names_tactic("tactic = \"stale-fallback\"", "stale"));
        assert!(!names_tactic("# tactic = \"stale-fallback\"", "stale-fallback"));
    }
}
