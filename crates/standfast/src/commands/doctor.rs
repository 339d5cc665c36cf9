//! `standfast doctor`: what is here, the exact command that brings what is not, and what may be in
//! the way of a system: ports that others hold, and data that stopped instances keep.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Value, json};
use standfast_engines::process::{PortHolder, holder_of_port, is_port_free};
use standfast_engines::{Home, doctor};
use standfast_lab::control::list_instances;
use standfast_lab::instance::declared_ports;
use standfast_lab::spec::System;

use super::session;
use crate::cli::DoctorArguments;
use crate::exit::{Answer, Exit};
use crate::output;

pub(super) fn run(arguments: &DoctorArguments) -> Answer {
    let home = session::home()?;
    let tools = tools(&home);
    let (taken, stopped) = (ports_taken(), stopped(&home));
    if arguments.json {
        output::json(&json!({
            "home": home.root(),
            "tools": tools.documents,
            "ports_taken": taken,
            "stopped": stopped,
        }));
    } else {
        output::result(&tools.table);
        output::result(format!("\nState folder: {}", home.root().display()));
        taken.iter().for_each(print_port);
        stopped.iter().for_each(print_stopped);
        if tools.missing.is_empty() {
            output::result("Everything that the shipped systems need is here.");
        } else {
            let missing = tools.missing.join(" ");
            output::result(format!("To bring what is needed: standfast setup {missing}"));
        }
    }
    Ok(if tools.missing.is_empty() { Exit::Held } else { Exit::Unavailable })
}

struct Tools {
    table: comfy_table::Table,
    documents: Vec<Value>,
    /// What shipped systems need and do not find.
    missing: Vec<&'static str>,
}

fn tools(home: &Home) -> Tools {
    let table = output::table(&["tool", "version", "where", "found in"]);
    let mut tools = Tools { table, documents: Vec::new(), missing: Vec::new() };
    for report in &doctor(home) {
        let needed = session::is_needed(report.tool);
        match &report.found {
            Ok(found) => {
                let place = found.path.display().to_string();
                let version = match found.flavour == report.tool.name() {
                    true => found.version.clone(),
                    false => format!("{} {}", found.flavour, found.version),
                };
                let row = [report.tool.name(), &version, &place, &found.found_in.to_string()];
                tools.table.add_row(row);
                let document = json!({ "tool": report.tool, "found": found, "needed": needed });
                tools.documents.push(document);
            }
            Err(lack) => {
                let note = if needed { "needed by shipped systems" } else { "optional" };
                tools.table.add_row([report.tool.name(), "missing", &lack.command, note]);
                tools.documents.push(json!({
                    "tool": report.tool,
                    "missing": { "command": lack.command, "note": lack.note },
                    "needed": needed,
                }));
                if needed {
                    tools.missing.push(report.tool.name());
                }
            }
        }
    }
    tools
}

/// A port of a shipped system on which somebody listens: the system itself, when it is up.
#[derive(Debug, Serialize)]
struct TakenPort {
    port: u16,
    /// Whose it is, such as `cache-fallback/primary`.
    processes: Vec<String>,
    /// Unknown when it is another user's process.
    holder: Option<Holder>,
}

#[derive(Debug, Serialize)]
struct Holder {
    pid: u32,
    command: String,
}

impl From<PortHolder> for Holder {
    fn from(holder: PortHolder) -> Self {
        Self { pid: holder.pid, command: holder.command }
    }
}

fn ports_taken() -> Vec<TakenPort> {
    let mut declared: BTreeMap<u16, Vec<String>> = BTreeMap::new();
    let shipped = session::shipped().into_iter();
    for system in shipped.filter_map(|source| System::load(source).ok()) {
        for (process, port) in declared_ports(&system) {
            declared.entry(port).or_default().push(format!("{}/{process}", system.name));
        }
    }
    let taken = declared.into_iter().filter(|(port, _)| !is_port_free(*port));
    let holder = |port| holder_of_port(port).map(Holder::from);
    taken.map(|(port, processes)| TakenPort { port, processes, holder: holder(port) }).collect()
}

fn print_port(taken: &TakenPort) {
    let holder = taken.holder.as_ref().map_or_else(
        || "a process of somebody else".to_owned(),
        |Holder { pid, command }| format!("pid {pid} (`{command}`)"),
    );
    let processes = taken.processes.join(", ");
    output::result(format!("Port {} of {processes} is held by {holder}", taken.port));
}

/// An instance that nobody supervises, and whose data is there.
#[derive(Debug, Serialize)]
struct Stopped {
    name: String,
    /// Unknown after `down`, which keeps nothing but the data.
    system: Option<String>,
}

fn stopped(home: &Home) -> Vec<Stopped> {
    let stopped = list_instances(home).into_iter().filter(|summary| !summary.is_running);
    let named = stopped.map(|summary| Stopped {
        name: summary.name,
        system: summary.record.map(|record| record.system),
    });
    named.collect()
}

fn print_stopped(stopped: &Stopped) {
    let name = &stopped.name;
    let (state, start) = match &stopped.system {
        Some(system) => {
            let start = format!("`standfast start --instance {name}` brings it up, ");
            (format!("({system}) is stopped"), start)
        }
        None => ("is down".to_owned(), String::new()),
    };
    let text = format!("Instance `{name}` {state} and keeps its data: {start}");
    output::result(format!("{text}`standfast down --data --instance {name}` deletes it"));
}
