//! `cargo xtask bench shard`: where keys lie, by our placements and by other crates; what routing
//! and moving rows cost; what clients notice of a shard that comes and goes.

use crate::cargo;

/// The part that is in a package of its own, with options of its own.
const LOOKUP: &str = "lookup";

/// Without the name of a part, all of them: lookups first, as they are by default.
pub(crate) fn run(arguments: &[&str]) -> Result<(), String> {
    let options = arguments.iter().position(|argument| argument.starts_with("--"));
    let (parts, options) = arguments.split_at(options.unwrap_or(arguments.len()));
    let others: Vec<&str> = parts.iter().copied().filter(|part| *part != LOOKUP).collect();
    let has_lookup = parts.is_empty() || others.len() < parts.len();
    let is_alone = has_lookup && !parts.is_empty() && others.is_empty();
    if has_lookup {
        super::beside_crates("shard", if is_alone { options } else { &[] })?;
    }
    if is_alone {
        return Ok(());
    }
    let cargo = ["bench", "--package", "standfast", "--bench", "shard", "--"];
    cargo::run(&[&cargo, others.as_slice(), options].concat())
}
