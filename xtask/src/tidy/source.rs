//! Rules of single files: names, sizes, module docs, purity of `state.rs`, words that do not land.

use std::path::{Path, PathBuf};

use super::{Finding, read};

/// The models' files have a median of 90–340 lines; beyond this a file holds two concepts.
const FILE_LINES_MAX: usize = 500;
/// rustfmt keeps code within this; it leaves comments and strings alone.
const LINE_COLUMNS_MAX: usize = 100;

/// Names that say nothing: name the concept instead.
const NAMES_BANNED: [&str; 6] = ["utils", "util", "common", "helpers", "manager", "misc"];

/// What a sans-io state machine must not do: it takes time and randomness as arguments.
const IMPURE: [&str; 5] = ["Instant::now", "SystemTime::now", ".await", "rand::rng", "thread_rng"];

pub(super) fn check(
    root: &Path,
    files: &[PathBuf],
    findings: &mut Vec<Finding>,
) -> Result<(), String> {
    for path in files {
        let place = path.display().to_string();
        if place.contains("/vendor/") {
            continue;
        }
        check_name(path, findings);
        let extension = path.extension().and_then(|extension| extension.to_str());
        let is_text = matches!(
            extension,
            Some("rs" | "toml" | "md" | "sql" | "css" | "js" | "py" | "json" | "conf")
        );
        if !is_text {
            continue;
        }
        let text = read(&root.join(path))?;
        check_text(&place, &text, findings);
        if extension == Some("rs") {
            check_rust(&place, &text, findings);
        }
    }
    Ok(())
}

fn check_name(path: &Path, findings: &mut Vec<Finding>) {
    for part in path.iter().filter_map(|part| part.to_str()) {
        let stem = part.split('.').next().unwrap_or(part);
        if NAMES_BANNED.contains(&stem) {
            let problem = format!("`{stem}` says nothing: name the concept it holds");
            findings.push(Finding::new(path.display().to_string(), problem));
        }
    }
}

fn check_text(place: &str, text: &str, findings: &mut Vec<Finding>) {
    if !text.is_empty() && !text.ends_with('\n') {
        findings.push(Finding::new(place, "the last line has no end"));
    }
    for (index, line) in text.lines().enumerate() {
        if line.ends_with([' ', '\t']) {
            findings
                .push(Finding::new(format!("{place}:{}", index + 1), "blanks at the line's end"));
        }
    }
}

fn check_rust(place: &str, text: &str, findings: &mut Vec<Finding>) {
    if !text.starts_with("//!") {
        findings.push(Finding::new(place, "open the file with `//!`: what is it for?"));
    }
    let lines = text.lines().count();
    if lines > FILE_LINES_MAX {
        let problem = format!("{lines} lines; split it by concept (at most {FILE_LINES_MAX})");
        findings.push(Finding::new(place, problem));
    }
    // Its doctests and unit tests are callers, and callers read the clock.
    let decides = text.split("#[cfg(test)]").next().unwrap_or(text).lines().count();
    let is_state = place.ends_with("/state.rs");
    for (index, line) in text.lines().enumerate() {
        let here = || format!("{place}:{}", index + 1);
        if line.chars().count() > LINE_COLUMNS_MAX {
            findings.push(Finding::new(here(), format!("longer than {LINE_COLUMNS_MAX} columns")));
        }
        // Assembled, so that this file does not breach its own rule.
        if [concat!("TO", "DO"), concat!("FIX", "ME")].iter().any(|word| line.contains(word)) {
            findings.push(Finding::new(here(), "unfinished work does not land; file an issue"));
        }
        let is_decision = is_state && index < decides && !line.trim_start().starts_with("//");
        if is_decision && let Some(impure) = IMPURE.iter().find(|impure| line.contains(**impure)) {
            let problem = format!("`{impure}` in a state machine: pass it in as an argument");
            findings.push(Finding::new(here(), problem));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problems(place: &str, text: &str) -> Vec<String> {
        let mut findings = Vec::new();
        check_name(Path::new(place), &mut findings);
        check_text(place, text, &mut findings);
        check_rust(place, text, &mut findings);
        findings.into_iter().map(|finding| finding.problem).collect()
    }

    #[test]
    fn a_tidy_file_has_no_findings() {
        assert!(problems("crates/x/src/state.rs", "//! What for.\n\nfn f() {}\n").is_empty());
    }

    #[test]
    fn each_breach_is_found() {
        assert_eq!(problems("a/utils.rs", "//! Doc.\n").len(), 1, "a name that says nothing");
        assert_eq!(problems("a/b.rs", "fn f() {}\n").len(), 1, "no module doc");
        assert_eq!(problems("a/b.rs", "//! Doc. \n").len(), 1, "a blank at the end");
        assert_eq!(problems("a/b.rs", "//! Doc.").len(), 1, "no end of the last line");
        let clock = "//! Doc.\nlet now = Instant::now();\n";
        assert_eq!(problems("a/state.rs", clock).len(), 1, "a clock in a state machine");
        assert!(problems("a/layer.rs", clock).is_empty(), "but an adapter may read it");
        let tested = "//! Doc.\n/// let now = Instant::now();\n#[cfg(test)]\nInstant::now();\n";
        assert!(problems("a/state.rs", tested).is_empty(), "and so may its callers");
        let long = format!("//! Doc.\n// {}\n", "x".repeat(LINE_COLUMNS_MAX));
        assert_eq!(problems("a/b.rs", &long).len(), 1, "a long line");
        let many = format!("//! Doc.\n{}", "//\n".repeat(FILE_LINES_MAX));
        assert_eq!(problems("a/b.rs", &many).len(), 1, "a long file");
    }
}
