//! Facts that a service reports: JSON lines on its standard output, which the supervisor stamps.

use std::io::Write;

use serde_json::{Map, Value, json};

/// Reports `event`, about `target`, with further `fields`.
pub(crate) fn report(event: &str, target: &str, fields: Value) {
    let mut line = Map::new();
    line.insert("event".to_owned(), json!(event));
    line.insert("target".to_owned(), json!(target));
    if let Value::Object(fields) = fields {
        line.extend(fields);
    }
    let mut line = Value::Object(line).to_string();
    line.push('\n');
    let mut stdout = std::io::stdout().lock();
    // One write, so that lines never mix. When nobody reads it, the service serves on.
    let written = stdout.write_all(line.as_bytes()).and_then(|()| stdout.flush());
    if let Err(error) = written {
        tracing::warn!(%error, event, "an event could not be reported");
    }
}
