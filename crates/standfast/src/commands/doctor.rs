//! `standfast doctor`: what is here, and the exact command that brings what is not.

use serde_json::json;
use standfast_engines::doctor;

use super::session;
use crate::cli::DoctorArguments;
use crate::exit::{Answer, Exit};
use crate::output;

pub(super) fn run(arguments: &DoctorArguments) -> Answer {
    let home = session::home()?;
    let reports = doctor(&home);
    let mut tools = Vec::new();
    let mut table = output::table(&["tool", "version", "where", "found in"]);
    let mut missing = Vec::new();
    for report in &reports {
        let needed = session::is_needed(report.tool);
        match &report.found {
            Ok(found) => {
                let place = found.path.display().to_string();
                let version = match found.flavour == report.tool.name() {
                    true => found.version.clone(),
                    false => format!("{} {}", found.flavour, found.version),
                };
                table.add_row([report.tool.name(), &version, &place, &found.found_in.to_string()]);
                tools.push(json!({ "tool": report.tool, "found": found, "needed": needed }));
            }
            Err(lack) => {
                let note = if needed { "needed by shipped systems" } else { "optional" };
                table.add_row([report.tool.name(), "missing", &lack.command, note]);
                tools.push(json!({
                    "tool": report.tool,
                    "missing": { "command": lack.command, "note": lack.note },
                    "needed": needed,
                }));
                if needed {
                    missing.push(report.tool.name());
                }
            }
        }
    }
    if arguments.json {
        output::json(&json!({ "home": home.root(), "tools": tools }));
    } else {
        output::result(table);
        output::result(format!("\nState folder: {}", home.root().display()));
        if missing.is_empty() {
            output::result("Everything that the shipped systems need is here.");
        } else {
            output::result(format!(
                "To bring what is needed: standfast setup {}",
                missing.join(" ")
            ));
        }
    }
    Ok(if missing.is_empty() { Exit::Held } else { Exit::Unavailable })
}
