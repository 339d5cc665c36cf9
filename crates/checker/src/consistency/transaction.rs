//! Operations as transactions on lists: appends and whole reads.

use serde_json::Value;
use standfast_history::Operation;

use super::access::{Effect, effect, end, is_answered, start};
use super::judgement::{Lack, Seen};

/// A list of more elements is shown by its last ones: what matters is where it ends, and the whole
/// of it is in the history.
const ELEMENTS_SHOWN_MAX: usize = 6;
/// As many of them.
const LAST_SHOWN: usize = 3;

/// One part of a transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Part {
    Append {
        key: String,
        element: String,
    },
    /// `None` when the client never saw what it read.
    Read {
        key: String,
        list: Option<Vec<String>>,
    },
}

/// One operation, read as a transaction.
#[derive(Clone, Debug)]
pub(super) struct Transaction<'a> {
    pub(super) operation: &'a Operation,
    pub(super) parts: Vec<Part>,
    pub(super) effect: Effect,
    pub(super) start: u64,
    pub(super) end: u64,
}

impl<'a> Transaction<'a> {
    /// Reads an operation; `None` for one that says nothing, such as a read without an answer.
    pub(super) fn of(operation: &'a Operation) -> Result<Option<Self>, Lack> {
        let effect = match operation.write {
            true => effect(operation),
            false if is_answered(operation) => Effect::Done,
            false => return Ok(None),
        };
        let Some(value) = operation.value.as_deref() else {
            return match operation.write && effect != Effect::None {
                true => Err(unclear(operation)),
                false => Ok(None),
            };
        };
        let parsed = serde_json::from_str::<Value>(value).ok();
        let mut parts = match parsed.as_ref().and_then(parts) {
            Some(parts) => parts,
            None => {
                vec![alone(operation, value, parsed.as_ref()).ok_or_else(|| unclear(operation))?]
            }
        };
        if effect != Effect::Done {
            for part in &mut parts {
                if let Part::Read { list, .. } = part {
                    *list = None;
                }
            }
        }
        let (start, end) = (start(operation), end(operation));
        Ok(Some(Self { operation, parts, effect, start, end }))
    }

    pub(super) fn name(&self) -> String {
        format!("{} #{}", self.operation.scenario, self.operation.index)
    }

    pub(super) fn seen(&self) -> Seen {
        let written = |part: &Part| match part {
            Part::Append { key, element } => format!("append {element} to {key}"),
            Part::Read { key, list: None } => format!("read {key}"),
            Part::Read { key, list: Some(list) } => format!("read {key} = [{}]", shown(list)),
        };
        let parts: Vec<String> = self.parts.iter().map(written).collect();
        Seen::of(self.operation, parts.join(", "))
    }
}

fn shown(list: &[String]) -> String {
    if list.len() <= ELEMENTS_SHOWN_MAX {
        return list.join(" ");
    }
    let (earlier, last) = list.split_at(list.len() - LAST_SHOWN);
    format!("… {} earlier … {}", earlier.len(), last.join(" "))
}

/// `[["append", "x", 1], ["r", "y", [1, 2]]]`, as Jepsen and Elle write it.
fn parts(value: &Value) -> Option<Vec<Part>> {
    let parts = value.as_array()?;
    if parts.is_empty() {
        return None;
    }
    parts.iter().map(part).collect()
}

fn part(value: &Value) -> Option<Part> {
    let [verb, key, argument] = value.as_array()?.as_slice() else { return None };
    let key = text(key)?;
    match verb.as_str()?.trim_start_matches(':') {
        "append" => Some(Part::Append { key, element: text(argument)? }),
        "r" | "read" if argument.is_null() => Some(Part::Read { key, list: None }),
        "r" | "read" => Some(Part::Read { key, list: Some(list(argument)?) }),
        _ => None,
    }
}

/// A key and a value: one append, or one read.
fn alone(operation: &Operation, value: &str, parsed: Option<&Value>) -> Option<Part> {
    let key = operation.key.clone()?;
    if operation.write {
        return Some(Part::Append { key, element: value.trim().to_owned() });
    }
    let elements = parsed.and_then(list).unwrap_or_else(|| {
        let parts = value.split(',').map(str::trim).filter(|part| !part.is_empty());
        parts.map(str::to_owned).collect()
    });
    Some(Part::Read { key, list: Some(elements) })
}

fn list(value: &Value) -> Option<Vec<String>> {
    value.as_array()?.iter().map(text).collect()
}

fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

fn unclear(operation: &Operation) -> Lack {
    let (scenario, index) = (&operation.scenario, operation.index);
    Lack(format!(
        "{scenario} #{index} says neither a key and a value, nor a transaction such as \
         `[[\"append\",\"x\",1],[\"r\",\"y\",[1,2]]]`: let the scenario observe them, or leave it \
         out by --scenario"
    ))
}
