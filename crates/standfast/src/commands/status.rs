//! `standfast ps`: the processes of the systems that are up, or were.

use std::time::Duration;

use comfy_table::Table;
use standfast_engines::Home;
use standfast_lab::control::{self, InstanceStatus};
use standfast_lab::instance::ProcessSnapshot;

use super::instances;
use crate::cli::PsArguments;
use crate::exit::{Answer, Exit, Failure};
use crate::output;

pub(super) async fn run(arguments: &PsArguments) -> Answer {
    let home = super::session::home()?;
    let names = match &arguments.instance.instance {
        Some(name) => vec![name.clone()],
        None => instances::all(&home),
    };
    let mut statuses = Vec::new();
    for name in &names {
        statuses.push(ask(&home, name).await?);
    }
    if arguments.json {
        output::json(&statuses);
        return Ok(Exit::Held);
    }
    if statuses.is_empty() {
        output::note("Nothing is up. `standfast up cache-fallback -d` brings a system up.");
    }
    for status in &statuses {
        print_status(status);
    }
    Ok(Exit::Held)
}

/// Prints one instance as `ps` does.
pub(super) async fn print(home: &Home, name: &str) -> Answer {
    print_status(&ask(home, name).await?);
    Ok(Exit::Held)
}

async fn ask(home: &Home, name: &str) -> Result<InstanceStatus, Failure> {
    control::ps(home, name).await.map_err(instances::refused)
}

fn print_status(status: &InstanceStatus) {
    let supervisor = match status.supervisor {
        Some(pid) => format!("supervised by pid {pid}"),
        None => "stopped".to_owned(),
    };
    let without = match status.without.is_empty() {
        true => String::new(),
        false => format!(", without {}", status.without.join(", ")),
    };
    output::result(format!("{}: {} ({supervisor}{without})", status.name, status.system));
    output::result(table(&status.processes));
    for (service, url) in &status.urls {
        output::result(format!(" {service}: {url}"));
    }
    for link in status.links.iter().filter(|link| !link.faults.is_empty()) {
        let faults: Vec<String> = link.faults.iter().map(ToString::to_string).collect();
        let (edge, connections) = (&link.edge, link.connections);
        let faults = faults.join(", ");
        output::result(format!(" link {edge}: fault: {faults}; {connections} connections"));
    }
}

pub(super) fn table(processes: &[ProcessSnapshot]) -> Table {
    let header = [
        "name", "kind", "role", "state", "pid", "port", "uptime", "restarts", "memory", "ready in",
    ];
    let mut table = output::table(&header);
    for process in processes {
        let state = match process.fault {
            Some(fault) => format!("{} (fault: {fault})", process.state),
            None => process.state.to_string(),
        };
        table.add_row([
            process.name.clone(),
            process.kind.clone(),
            process.role.to_string(),
            state,
            process.pid.map_or(String::new(), |pid| pid.to_string()),
            process.port.map_or(String::new(), |port| match process.host {
                Some(host) => format!("{host}:{port}"),
                None => port.to_string(),
            }),
            process.uptime.map_or(String::new(), rounded),
            process.restarts.to_string(),
            process.rss_bytes.map_or(String::new(), |bytes| format!("{} MiB", bytes >> 20)),
            process.ready_in.map_or(String::new(), |took| format!("{} ms", took.as_millis())),
        ]);
    }
    table
}

fn rounded(time: Duration) -> String {
    match time.as_secs() {
        seconds @ 0..60 => format!("{seconds} s"),
        seconds @ 60..3600 => format!("{} min", seconds / 60),
        seconds => format!("{} h", seconds / 3600),
    }
}
