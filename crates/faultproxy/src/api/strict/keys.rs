//! An object whose keys are all known.

use super::mistake::Mistake;
use crate::api::go_json::{Member, Node, Value, is_named};

/// The members of an object.
#[derive(Debug)]
pub(super) struct Keys<'a> {
    members: Vec<(&'static str, &'a Node)>,
    at: usize,
}

impl<'a> Keys<'a> {
    /// Takes an object apart that may have the keys `known`, in any case as with Toxiproxy.
    pub(super) fn of(node: &'a Node, known: &[&'static str]) -> Result<Self, Mistake> {
        let mut members: Vec<(&'static str, &Node)> = Vec::new();
        for Member { key_at, key, node } in object(node)? {
            let Some(name) = known.iter().copied().find(|name| is_named(key, name)) else {
                return Err(unknown_key(*key_at, key, known.iter().copied()));
            };
            if members.iter().any(|(there, _)| *there == name) {
                return Err(Mistake::new(*key_at, format!("`{name}` is there twice")));
            }
            members.push((name, node));
        }
        Ok(Self { members, at: node.at })
    }

    /// The value of a key, `null` included.
    pub(super) fn written(&self, name: &str) -> Option<&'a Node> {
        self.members.iter().find(|(known, _)| *known == name).map(|(_, node)| *node)
    }

    /// The value of a key; `null` is none.
    pub(super) fn get(&self, name: &str) -> Option<&'a Node> {
        self.written(name).filter(|node| node.value != Value::Null)
    }

    pub(super) fn text(&self, name: &str) -> Result<Option<&'a str>, Mistake> {
        let Some(node) = self.get(name) else { return Ok(None) };
        let Value::Text(text) = &node.value else {
            return Err(of_other_kind(node.at, name, "a string", &node.value));
        };
        Ok(Some(text))
    }

    /// A text that must be there, and not be empty.
    pub(super) fn required(&self, name: &str) -> Result<&'a str, Mistake> {
        match self.text(name)? {
            Some(text) if !text.is_empty() => Ok(text),
            _ => {
                let at = self.get(name).map_or(self.at, |node| node.at);
                Err(Mistake::new(at, format!("missing required field: {name}")))
            }
        }
    }

    pub(super) fn boolean(&self, name: &str) -> Result<Option<bool>, Mistake> {
        let Some(node) = self.get(name) else { return Ok(None) };
        let Value::Bool(value) = node.value else {
            return Err(of_other_kind(node.at, name, "true or false", &node.value));
        };
        Ok(Some(value))
    }

    pub(super) fn milliseconds(&self, name: &str) -> Result<Option<u64>, Mistake> {
        let Some(node) = self.get(name) else { return Ok(None) };
        let wanted = "milliseconds, an integer from 0 up";
        let Value::Number(written) = &node.value else {
            return Err(of_other_kind(node.at, name, wanted, &node.value));
        };
        let number = written.parse().map_err(|_not_one| {
            Mistake::new(node.at, format!("`{name}` should be {wanted}, and is {written}"))
        })?;
        Ok(Some(number))
    }
}

pub(super) fn object(node: &Node) -> Result<&[Member], Mistake> {
    let Value::Object(members) = &node.value else {
        let kind = node.value.kind();
        let text = format!("an object should be here, and not a value of kind {kind}");
        return Err(Mistake::new(node.at, text));
    };
    Ok(members)
}

pub(super) fn of_other_kind(at: usize, name: &str, wanted: &str, found: &Value) -> Mistake {
    Mistake::new(at, format!("`{name}` should be {wanted}, and is of kind {}", found.kind()))
}

pub(super) fn unknown_key<'a>(
    at: usize,
    key: &str,
    known: impl Iterator<Item = &'a str>,
) -> Mistake {
    let known: Vec<String> = known.map(|name| format!("`{name}`")).collect();
    let known = if known.is_empty() { "no key".to_owned() } else { known.join(", ") };
    Mistake::new(at, format!("unknown key `{key}`; there may be {known}"))
}
