//! Which crate may know which (the table of ARCHITECTURE.md), and the licences we can ship with.

use std::path::Path;

use super::{Finding, read};
use crate::cargo;

/// Crate → the siblings it may use. Arrows only point up this table.
const ARROWS: [(&str, &[&str]); 11] = [
    ("tactics", &[]),
    ("history", &[]),
    ("engines", &[]),
    ("faultproxy", &[]),
    ("checker", &["history"]),
    ("loadgen", &["history"]),
    ("failover", &["tactics"]),
    ("reshard", &["tactics"]),
    ("systems", &["tactics", "failover", "reshard"]),
    ("lab", &["history", "engines", "faultproxy", "checker", "loadgen", "failover"]),
    (
        "standfast",
        &[
            "history",
            "engines",
            "faultproxy",
            "checker",
            "loadgen",
            "failover",
            "reshard",
            "systems",
            "lab",
        ],
    ),
];

/// Licences that ask for nothing but a notice. A new one is a decision, not an error to silence.
const LICENCES: [&str; 12] = [
    "0BSD",
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSL-1.0",
    "ISC",
    "MIT",
    "MIT-0",
    "Unicode-3.0",
    "Unlicense",
    "Zlib",
];

pub(super) fn check_arrows(root: &Path, findings: &mut Vec<Finding>) -> Result<(), String> {
    let folder = root.join("crates");
    let entries = std::fs::read_dir(&folder).map_err(|error| format!("crates/: {error}"))?;
    for entry in entries {
        let entry = entry.map_err(|error| format!("crates/: {error}"))?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let place = format!("crates/{name}/Cargo.toml");
        let manifest = read(&root.join(&place))?;
        let Some((_, allowed)) = ARROWS.iter().find(|(known, _)| *known == name) else {
            findings.push(Finding::new(place, "a crate that the table of arrows does not know"));
            continue;
        };
        // Tests may look further than the code: what counts are `[dependencies]`.
        let shipped = manifest.split("[dev-dependencies]").next().unwrap_or(&manifest);
        for line in shipped.lines() {
            let Some(used) = line.strip_prefix("standfast-") else { continue };
            let used = used.split(['.', ' ', '=']).next().unwrap_or(used);
            if !allowed.contains(&used) {
                let problem =
                    format!("`{name}` must not know `{used}` (ARCHITECTURE.md, code map)");
                findings.push(Finding::new(&place, problem));
            }
        }
    }
    Ok(())
}

/// Splits the text of `cargo metadata` rather than parse it: one field is all we want.
pub(super) fn check_licences(findings: &mut Vec<Finding>) -> Result<(), String> {
    let metadata =
        cargo::output(env!("CARGO"), &["metadata", "--format-version", "1", "--locked"])?;
    let mut licences: Vec<&str> = metadata
        .split("\"license\":")
        .skip(1)
        .filter_map(|rest| rest.strip_prefix('"')?.split('"').next())
        .collect();
    licences.sort_unstable();
    licences.dedup();
    for licence in licences.iter().filter(|licence| !may_ship(licence)) {
        let problem = format!("licence `{licence}` is not on the list of those we can ship with");
        findings.push(Finding::new("Cargo.lock", problem));
    }
    Ok(())
}

/// Evaluates an SPDX expression (and the old `A/B`): `OR` needs one side, `AND` needs both.
fn may_ship(expression: &str) -> bool {
    let expression = expression.trim();
    if let Some(sides) = split(expression, " OR ").or_else(|| split(expression, "/")) {
        return sides.into_iter().any(may_ship);
    }
    if let Some(sides) = split(expression, " AND ") {
        return sides.into_iter().all(may_ship);
    }
    match expression.strip_prefix('(').and_then(|inner| inner.strip_suffix(')')) {
        Some(inner) => may_ship(inner),
        None => LICENCES.contains(&expression),
    }
}

/// The parts between `operator` outside of parentheses, when there are at least two.
fn split<'a>(expression: &'a str, operator: &str) -> Option<Vec<&'a str>> {
    let (mut parts, mut depth, mut start) = (Vec::new(), 0_usize, 0);
    for (index, character) in expression.char_indices() {
        match character {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            _ if depth == 0 && index >= start && expression[index..].starts_with(operator) => {
                parts.push(&expression[start..index]);
                start = index + operator.len();
            }
            _ => {}
        }
    }
    if parts.is_empty() {
        return None;
    }
    parts.push(&expression[start..]);
    Some(parts)
}

#[cfg(test)]
mod tests {
    use super::may_ship;

    #[test]
    fn a_licence_expression_is_evaluated_and_not_compared() {
        assert!(may_ship("MIT"));
        assert!(may_ship("MIT/Apache-2.0"));
        assert!(may_ship("(MIT OR Apache-2.0) AND Unicode-3.0"));
        assert!(may_ship("MIT OR Apache-2.0 OR LGPL-2.1-or-later"), "one side is enough");
        assert!(!may_ship("MIT AND LGPL-2.1-or-later"), "both sides bind");
        assert!(!may_ship("AGPL-3.0-only"));
        assert!(!may_ship(""));
    }
}
