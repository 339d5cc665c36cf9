//! The published schemas are those of the code, and every file of the repository keeps to them.

#![expect(clippy::unwrap_used, reason = "helpers of a test fail by panicking, as tests do")]

use std::path::{Path, PathBuf};

use serde_json::Value;
use standfast_lab::spec::{experiment_schema, system_schema};

use crate::spec::{experiments, folders};

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap().to_owned()
}

/// Compares a schema with its published file, or writes it when STANDFAST_BLESS is set.
fn check_fresh(name: &str, schema: &Value) {
    let path = repository().join("docs/schema").join(name);
    let text = format!("{}\n", serde_json::to_string_pretty(schema).unwrap());
    if std::env::var_os("STANDFAST_BLESS").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
        return;
    }
    let published = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(published == text, "docs/schema/{name} is stale: run `cargo xtask bless`");
}

fn check_valid(schema: &Value, path: &Path) {
    let text = std::fs::read_to_string(path).unwrap();
    let document: Value = toml::from_str(&text).unwrap();
    let validator = jsonschema::validator_for(schema).unwrap();
    let errors: Vec<String> = validator
        .iter_errors(&document)
        .map(|error| format!("{}: {error}", error.instance_path()))
        .collect();
    assert!(errors.is_empty(), "{}: {errors:#?}", path.display());
}

#[test]
fn the_schema_of_systems_is_fresh_and_fits_every_system() {
    let schema = system_schema().to_value();
    check_fresh("system.schema.json", &schema);
    let parents = ["crates/systems", "examples"].map(|parent| repository().join(parent));
    let systems = parents.iter().flat_map(|parent| folders(parent));
    let files = systems.map(|folder| folder.join("system.toml")).filter(|path| path.is_file());
    let checked = files.map(|path| check_valid(&schema, &path)).count();
    assert!(checked > 0, "no system found");
}

#[test]
fn the_schema_of_experiments_is_fresh_and_fits_every_experiment() {
    let schema = experiment_schema().to_value();
    check_fresh("experiment.schema.json", &schema);
    let found = experiments(&repository());
    assert!(!found.is_empty(), "no experiment found");
    for path in found {
        check_valid(&schema, &path);
    }
}

#[test]
fn the_schema_refuses_what_the_lab_refuses() {
    let schema = system_schema().to_value();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let wrong = [
        "name = \"a\"\ntitle = \"b\"\ntypo = 1",
        "name = \"a\"\ntitle = \"b\"\n[engine.x]\nkind = \"oracle\"\nport = 1",
        "name = \"a\"\ntitle = \"b\"\n[service.x]\nport = 70000\nrun = [\"x\"]",
    ];
    for text in wrong {
        let document: Value = toml::from_str(text).unwrap();
        assert!(!validator.is_valid(&document), "{text}");
    }
}
