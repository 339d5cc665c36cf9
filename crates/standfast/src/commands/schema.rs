//! `standfast schema`: the JSON Schema of a public file format.

use crate::cli::{SchemaArguments, SchemaName};
use crate::exit::{Answer, Exit};
use crate::output;

/// The published files themselves; tests keep them true.
const SYSTEM: &str = include_str!("../../../../docs/schema/system.schema.json");
const EXPERIMENT: &str = include_str!("../../../../docs/schema/experiment.schema.json");
const RESULT: &str = include_str!("../../../../docs/schema/result.schema.json");

pub(super) fn run(arguments: &SchemaArguments) -> Answer {
    let schema = match arguments.name {
        SchemaName::System => SYSTEM,
        SchemaName::Experiment => EXPERIMENT,
        SchemaName::Result => RESULT,
    };
    output::result(schema.trim_end());
    Ok(Exit::Held)
}
