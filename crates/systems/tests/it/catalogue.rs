//! The files of each system agree with each other.

use standfast_systems::{CATALOGUE, SystemFiles};
use toml::{Table, Value};

fn parse(name: &str, text: &str) -> Table {
    text.parse().unwrap_or_else(|error| panic!("{name}: {error}"))
}

fn table<'a>(of: &'a Table, key: &str) -> &'a Table {
    of.get(key).and_then(Value::as_table).unwrap_or_else(|| panic!("no table `{key}`"))
}

fn experiments(system: &SystemFiles) -> Vec<(&'static str, Table)> {
    system.experiments.iter().map(|(name, text)| (*name, parse(name, text))).collect()
}

#[test]
fn every_file_that_a_system_names_is_there_and_none_is_idle() {
    for system in CATALOGUE {
        let spec = parse(system.name, system.system_toml);
        assert_eq!(spec["name"].as_str(), Some(system.name));
        // Engines that are alike are made by one script.
        let mut named: Vec<&str> = table(&spec, "engine")
            .values()
            .flat_map(|engine| {
                let init = engine.get("init").and_then(Value::as_array).into_iter().flatten();
                init.chain(engine.get("config"))
            })
            .filter_map(Value::as_str)
            .collect();
        named.dedup();
        let held: Vec<&str> = system.files.iter().map(|(name, _)| *name).collect();
        assert_eq!(named, held, "{}", system.name);
    }
}

#[test]
fn the_showcase_is_made_of_experiments() {
    for system in CATALOGUE {
        assert!(!system.showcase.is_empty(), "{} shows nothing", system.name);
        for name in system.showcase {
            let is_there = system.experiments.iter().any(|(known, _)| known == name);
            assert!(is_there, "{}: `{name}` is no experiment", system.name);
        }
    }
}

#[test]
fn every_experiment_uses_what_its_system_declares() {
    for system in CATALOGUE {
        let spec = parse(system.name, system.system_toml);
        let scenarios = table(&spec, "scenario");
        for (name, experiment) in experiments(system) {
            assert_eq!(experiment["system"].as_str(), Some(system.name), "{name}");
            // A baseline proves no tactic.
            if let Some(tactic) = experiment.get("tactic").and_then(Value::as_str) {
                assert!(table(&spec, "tactic").contains_key(tactic), "{name}: tactic `{tactic}`");
            }
            for load in experiment["load"].as_array().into_iter().flatten() {
                let scenario = load["scenario"].as_str().unwrap_or_default();
                assert!(scenarios.contains_key(scenario), "{name}: scenario `{scenario}`");
            }
            assert!(experiment["claim"].as_array().is_some_and(|claims| !claims.is_empty()));
        }
    }
}

/// Whether a README has the name, or that of its kind where each database cluster has one.
fn lists(readme: &str, name: &str) -> bool {
    let clusters = ["orders-", "reports-", "stock-"];
    let of_cluster = clusters.iter().find_map(|cluster| name.strip_prefix(cluster));
    let family = of_cluster.map(|rest| format!("`{{cluster}}-{rest}`"));
    readme.contains(&format!("`{name}`")) || family.is_some_and(|family| readme.contains(&family))
}

#[test]
fn the_readme_lists_every_experiment_and_tactic() {
    for system in CATALOGUE {
        let spec = parse(system.name, system.system_toml);
        let experiments = system.experiments.iter().map(|(name, _)| *name);
        let tactics = table(&spec, "tactic").keys().map(String::as_str);
        for name in experiments.chain(tactics) {
            assert!(lists(system.readme, name), "{}: `{name}`", system.name);
        }
    }
}
