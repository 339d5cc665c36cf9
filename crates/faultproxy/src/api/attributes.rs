//! The attributes of a toxic, merged over those that it has: every type at once, since each one's
//! own JSON says which attributes there are and what they are made of.

use serde::{Serialize, Serializer};
use serde_json::{Map, Number};

use super::go_json::{Node, Reader, Value, is_named};
use crate::toxic::ToxicKind;

/// What an attribute is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    Integer,
    Number,
    Text,
    /// It may be absent, so that its JSON does not tell; reading it will.
    Unknown,
}

/// A toxic's attributes as JSON, on their way to being changed.
#[derive(Debug)]
pub(crate) struct Merge {
    type_name: &'static str,
    values: Map<String, serde_json::Value>,
}

impl Merge {
    /// Over the attributes of `kind`.
    pub(crate) fn over(kind: &ToxicKind) -> Self {
        let mut document = serde_json::to_value(kind).expect("attributes are plain values");
        let values = match document.get_mut("attributes").map(serde_json::Value::take) {
            Some(serde_json::Value::Object(values)) => values,
            _ => Map::new(),
        };
        Self { type_name: kind.name(), values }
    }

    /// The attribute that `written` means, and what it is made of.
    pub(crate) fn find(&self, written: &str) -> Option<(String, Shape)> {
        let (name, value) = self.values.iter().find(|(name, _)| is_named(written, name))?;
        let shape = if value.is_f64() {
            Shape::Number
        } else if value.is_number() {
            Shape::Integer
        } else if value.is_string() {
            Shape::Text
        } else {
            Shape::Unknown
        };
        Some((name.clone(), shape))
    }

    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.values.keys().map(String::as_str)
    }

    pub(crate) fn set(&mut self, name: String, value: &Node) {
        self.values.insert(name, plain(&value.value));
    }

    /// The toxic with the merged attributes.
    ///
    /// # Errors
    /// When a value is out of the range of its attribute.
    pub(crate) fn finish(self) -> Result<ToxicKind, serde_json::Error> {
        serde_json::from_value(serde_json::json!({
            "type": self.type_name,
            "attributes": self.values,
        }))
    }
}

/// The toxic of this name, with the attributes that it has when none are given.
pub(crate) fn kind_named(name: &str) -> Option<ToxicKind> {
    serde_json::from_value(serde_json::json!({ "type": name, "attributes": {} })).ok()
}

/// Merges as Go does: keys in any case, unknown ones ignored, `null` leaves a value as it is.
///
/// # Errors
/// In Go's words, and nothing is merged.
pub(super) fn merge_as_go_does(kind: &ToxicKind, attributes: &Node) -> Result<ToxicKind, String> {
    let mut merge = Merge::over(kind);
    let go_type = go_type(kind);
    // Go's `int` and `int64` are the same, but for its error texts.
    let go_integer = if matches!(kind, ToxicKind::Slicer(_)) { "int" } else { "int64" };
    let mut reader = Reader::default();
    if matches!(attributes.value, Value::Object(_)) {
        reader.object(attributes, &go_type, |reader, key, node| {
            let Some((name, shape)) = merge.find(key) else { return };
            let field = format!("{go_type}.attributes.{name}");
            let is_read = match shape {
                Shape::Integer => reader.integer(node, &field, go_integer).is_some(),
                Shape::Number => reader.float64(node, &field).is_some(),
                Shape::Text => reader.text(node, &field).is_some(),
                Shape::Unknown => true,
            };
            if is_read {
                merge.set(name, node);
            }
        });
    } else {
        reader.refuse_struct(attributes, ".attributes", &format!("toxics.{go_type}"));
    }
    let merge = reader.finish(merge).map_err(|error| error.to_string())?;
    merge.finish().map_err(|error| error.to_string())
}

/// `LatencyToxic`, as Go's texts call it.
fn go_type(kind: &ToxicKind) -> String {
    let words = kind.name().split('_').map(|word| {
        let (first, rest) = word.split_at(1);
        format!("{}{rest}", first.to_uppercase())
    });
    words.chain(["Toxic".to_owned()]).collect()
}

fn plain(value: &Value) -> serde_json::Value {
    match value {
        Value::Null => serde_json::Value::Null,
        Value::Bool(value) => (*value).into(),
        Value::Number(written) => match written.parse::<i64>() {
            Ok(integer) => integer.into(),
            Err(_) => {
                let number = written.parse().ok().and_then(Number::from_f64);
                number.map_or(serde_json::Value::Null, serde_json::Value::Number)
            }
        },
        Value::Text(text) => text.as_str().into(),
        Value::List(items) => items.iter().map(|item| plain(&item.value)).collect(),
        Value::Object(members) => {
            let members = members.iter();
            members.map(|member| (member.key.clone(), plain(&member.node.value))).collect()
        }
    }
}

/// The attributes of a toxic alone, in the order in which it declares them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Attributes<'a>(pub(super) &'a ToxicKind);

impl Serialize for Attributes<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            ToxicKind::Latency(attributes) => attributes.serialize(serializer),
            ToxicKind::Bandwidth(attributes) => attributes.serialize(serializer),
            ToxicKind::SlowClose(attributes) => attributes.serialize(serializer),
            ToxicKind::Timeout(attributes) => attributes.serialize(serializer),
            ToxicKind::ResetPeer(attributes) => attributes.serialize(serializer),
            ToxicKind::Slicer(attributes) => attributes.serialize(serializer),
            ToxicKind::LimitData(attributes) => attributes.serialize(serializer),
            ToxicKind::Noop(attributes) => attributes.serialize(serializer),
            ToxicKind::Down(attributes) => attributes.serialize(serializer),
            ToxicKind::HttpStatus(attributes) => attributes.serialize(serializer),
            ToxicKind::HttpSlowHeader(attributes) => attributes.serialize(serializer),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::go_json::{first, marshal};
    use super::*;

    fn merged(kind: &str, attributes: &str) -> Result<String, String> {
        let kind = kind_named(kind).unwrap();
        let kind = merge_as_go_does(&kind, &first(attributes.as_bytes()).unwrap())?;
        Ok(String::from_utf8(marshal(&Attributes(&kind))).unwrap())
    }

    #[test]
    fn attributes_keep_their_order_and_what_is_not_given() {
        let expected = r#"{"average_size":64,"size_variation":0,"delay":10}"#;
        let read =
            merged("slicer", r#"{"DELAY":10,"average_size":64,"x":{},"Size_variation":null}"#);
        assert_eq!(read.unwrap(), expected);
        assert_eq!(merged("latency", "null").unwrap(), r#"{"latency":0,"jitter":0}"#);
    }

    #[test]
    fn the_first_value_of_another_type_is_told_in_the_words_of_go() {
        let prefix = "json: cannot unmarshal";
        for (kind, attributes, rest) in [
            (
                "latency",
                r#"{"latency":1.5}"#,
                "number 1.5 into Go struct field \
              LatencyToxic.attributes.latency of type int64",
            ),
            (
                "slicer",
                r#"{"delay":"x","average_size":"y"}"#,
                "string into Go struct field \
              SlicerToxic.attributes.delay of type int",
            ),
            (
                "slow_close",
                "[]",
                "array into Go struct field .attributes of type \
              toxics.SlowCloseToxic",
            ),
        ] {
            assert_eq!(merged(kind, attributes).unwrap_err(), format!("{prefix} {rest}"));
        }
    }

    #[test]
    fn every_type_has_a_name_by_which_it_is_found() {
        for name in ["down", "http_status", "http_slow_header", "noop", "reset_peer"] {
            assert_eq!(kind_named(name).unwrap().name(), name);
        }
        assert_eq!(kind_named("Latency"), None);
    }
}
