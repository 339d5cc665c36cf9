//! The JSON Schemas of both formats, for editors and for checks outside of standfast.

use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema};

use super::experiment::ExperimentFile;
use super::system::SystemFile;

/// The schema of `system.toml`.
pub fn system_schema() -> Schema {
    schema_of::<SystemFile>()
}

/// The schema of `experiment.toml`.
pub fn experiment_schema() -> Schema {
    schema_of::<ExperimentFile>()
}

fn schema_of<T: JsonSchema>() -> Schema {
    SchemaSettings::draft2020_12().into_generator().into_root_schema_for::<T>()
}
