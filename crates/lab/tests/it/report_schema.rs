//! The published schema of `result.json` is the one of the types, and results keep to it.

use std::path::Path;

use schemars::generate::SchemaSettings;
use standfast_lab::verdict::ExperimentResult;

use crate::report_fixture::{both_arms, stored_run};

fn schema() -> serde_json::Value {
    let generator = SchemaSettings::draft2020_12().into_generator();
    generator.into_root_schema_for::<ExperimentResult>().to_value()
}

#[test]
fn the_schema_of_results_is_fresh() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/schema/result.schema.json");
    let generated = format!("{}\n", serde_json::to_string_pretty(&schema()).unwrap());
    if std::env::var_os("STANDFAST_BLESS").is_some() {
        std::fs::write(&path, &generated).unwrap();
    }
    let published = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(published == generated, "docs/schema/result.schema.json is stale: cargo xtask bless");
}

#[test]
fn a_result_keeps_to_its_schema() {
    let validator = jsonschema::validator_for(&schema()).unwrap();
    let result = serde_json::to_value(stored_run(&both_arms()).result).unwrap();
    let errors: Vec<String> =
        validator.iter_errors(&result).map(|error| error.to_string()).collect();
    assert!(errors.is_empty(), "{errors:#?}");
}
