//! `standfast list`: systems, experiments, tactics and faults that are known.

use serde_json::json;
use standfast_lab::fault::FaultKind;
use standfast_lab::spec::System;
use standfast_systems::CATALOGUE;

use super::session;
use crate::cli::ListArguments;
use crate::exit::{Answer, Exit};
use crate::output;

pub(super) fn run(arguments: &ListArguments) -> Answer {
    let shipped = session::shipped();
    let mut systems = Vec::new();
    for files in CATALOGUE {
        let system = System::load(session::source_of(files)).map_err(session::bad_file)?;
        let mut experiments = Vec::new();
        for source in session::experiments_of(files) {
            experiments.push(source.load(&shipped).map_err(session::bad_file)?);
        }
        systems.push((system, experiments));
    }
    if arguments.json {
        let systems: Vec<_> = systems
            .iter()
            .map(|(system, experiments)| {
                json!({
                    "name": system.name,
                    "title": system.title,
                    "processes": system.start_order,
                    "edges": system.edges(),
                    "scenarios": system.scenarios.keys().collect::<Vec<_>>(),
                    "tactics": system.tactics.iter()
                        .map(|(name, tactic)| json!({ "name": name, "title": tactic.title }))
                        .collect::<Vec<_>>(),
                    "experiments": experiments.iter()
                        .map(|experiment| json!({
                            "name": experiment.name,
                            "title": experiment.title,
                            "tactic": experiment.tactic,
                            "suite": experiment.suite,
                        }))
                        .collect::<Vec<_>>(),
                })
            })
            .collect();
        let faults: Vec<_> = FaultKind::ALL.iter().map(ToString::to_string).collect();
        output::json(&json!({ "systems": systems, "faults": faults }));
        return Ok(Exit::Held);
    }
    for (system, experiments) in &systems {
        output::result(format!("{}  {}\n", system.name, system.title));
        let mut table =
            output::table(&["experiment", "what it claims", "tactic it proves", "suite"]);
        for experiment in experiments {
            let name = format!("{}/{}", system.name, experiment.name);
            let tactic = experiment.tactic.as_deref().unwrap_or("none, a baseline");
            let suite = experiment.suite.name();
            table.add_row([name.as_str(), &experiment.title, tactic, suite]);
        }
        output::result(table);
        let mut table = output::table(&["tactic", "what it does"]);
        for (name, tactic) in &system.tactics {
            table.add_row([name, &tactic.title]);
        }
        output::result(format!("\n{table}"));
        let scenarios: Vec<_> = system.scenarios.keys().map(String::as_str).collect();
        output::result(format!("\n scenarios: {}", scenarios.join(", ")));
        output::result(format!(" processes: {}", system.start_order.join(", ")));
        let edges: Vec<_> = system.edges().iter().map(ToString::to_string).collect();
        output::result(format!(" edges:     {}", edges.join(", ")));
    }
    let faults: Vec<_> = FaultKind::ALL.iter().map(ToString::to_string).collect();
    output::result(format!(" faults:    {}", faults.join(", ")));
    Ok(Exit::Held)
}
