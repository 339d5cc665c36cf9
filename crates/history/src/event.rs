//! One fact that the lab, its supervisor or a service reported.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// A fact with its time. A service reports one by printing a JSON line with the key `event` on its
/// standard output, such as `{"event":"detected","target":"replica"}`; the supervisor stamps
/// `at_us` and `source`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// Microseconds since the start of the run.
    pub at_us: u64,
    /// Who reports it: `lab`, `supervisor`, or the name of a process of the system.
    pub source: String,
    /// What happened: `injected`, `healed`, `ready`, `exited`, `restarted`, `detected`, `state`, …
    pub event: String,
    /// The process that it happened to, when that is not the source itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// Whatever else the reporter had to say.
    #[serde(flatten)]
    pub fields: Map<String, Value>,
}

impl Event {
    /// An event without further fields.
    pub fn new(at_us: u64, source: impl Into<String>, event: impl Into<String>) -> Self {
        Self { at_us, source: source.into(), event: event.into(), target: None, fields: Map::new() }
    }

    /// The same event, about `target`.
    #[must_use]
    pub fn about(mut self, target: impl Into<String>) -> Self {
        self.target = Some(target.into());
        self
    }

    /// The same event with one more field.
    #[must_use]
    pub fn with(mut self, key: &str, value: impl Into<Value>) -> Self {
        self.fields.insert(key.to_owned(), value.into());
        self
    }

    /// Reads a line that a service printed. `None` when the line is not an event: services may
    /// print anything else as well, and that is only log.
    ///
    /// ```
    /// use standfast_history::Event;
    /// let line = r#"{"event":"detected","target":"replica","after_ms":41}"#;
    /// let event = Event::from_service_line(line, 7, "offers");
    /// assert_eq!(event.map(|event| event.target), Some(Some("replica".to_owned())));
    /// assert_eq!(Event::from_service_line("listening on port 5000", 7, "offers"), None);
    /// ```
    pub fn from_service_line(line: &str, at_us: u64, source: &str) -> Option<Self> {
        // Most lines are plain log: do not parse what cannot be an event.
        if !line.starts_with('{') || !line.contains("\"event\"") {
            return None;
        }
        let mut fields: Map<String, Value> = serde_json::from_str(line).ok()?;
        let Some(Value::String(event)) = fields.remove("event") else { return None };
        let target = match fields.remove("target") {
            Some(Value::String(target)) => Some(target),
            _ => None,
        };
        // The stamp is ours: a service cannot report for another one or at another time.
        fields.remove("at_us");
        fields.remove("source");
        Some(Self { at_us, source: source.to_owned(), event, target, fields })
    }
}
