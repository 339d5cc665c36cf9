//! A toxic, read strictly.

use super::keys::{Keys, object, of_other_kind, unknown_key};
use super::mistake::Mistake;
use crate::api::attributes::{Merge, Shape, kind_named};
use crate::api::go_json::{Member, Node, Value};
use crate::proxy::ToxicChange;
use crate::toxic::{ClientMatch, Schedule, Stream, Toxic, ToxicKind, Window};

/// Reads a toxic; it is called as Toxiproxy calls it when it has no name.
///
/// # Errors
/// At the first mistake.
pub(crate) fn toxic(node: &Node) -> Result<Toxic, Mistake> {
    let known = ["type", "name", "stream", "toxicity", "attributes", "client", "schedule"];
    let keys = Keys::of(node, &known)?;
    let type_name = keys.required("type")?;
    let at = |name: &str| keys.get(name).map_or(node.at, |node| node.at);
    let stream: Stream = keys
        .text("stream")?
        .unwrap_or("downstream")
        .parse()
        .map_err(|error| Mistake::new(at("stream"), format!("{error}")))?;
    let kind = kind_named(type_name)
        .ok_or_else(|| Mistake::new(at("type"), format!("invalid toxic type `{type_name}`")))?;
    let kind = keys.get("attributes").map_or(Ok(kind.clone()), |node| attributes(&kind, node))?;
    let name = match keys.text("name")? {
        Some(name) if !name.is_empty() => name.to_owned(),
        _ => format!("{type_name}_{}", stream.written()),
    };
    Ok(Toxic {
        name,
        stream,
        toxicity: toxicity(&keys)?.unwrap_or(1.0),
        kind,
        client: client(&keys)?.unwrap_or_default(),
        schedule: keys.get("schedule").map(schedule).transpose()?,
    })
}

/// Reads what is to be different about a toxic that is `kind` now.
///
/// # Errors
/// At the first mistake.
pub(crate) fn toxic_change(kind: &ToxicKind, node: &Node) -> Result<ToxicChange, Mistake> {
    let keys = Keys::of(node, &["toxicity", "attributes", "client", "schedule"])?;
    let schedule = match keys.written("schedule") {
        None => None,
        Some(node) if node.value == Value::Null => Some(None),
        Some(node) => Some(Some(schedule(node)?)),
    };
    let kind = keys.get("attributes").map(|node| attributes(kind, node)).transpose()?;
    Ok(ToxicChange { kind, toxicity: toxicity(&keys)?, client: client(&keys)?, schedule })
}

fn attributes(kind: &ToxicKind, node: &Node) -> Result<ToxicKind, Mistake> {
    let mut merge = Merge::over(kind);
    for Member { key_at, key, node } in object(node)? {
        let Some((name, shape)) = merge.find(key) else {
            return Err(unknown_key(*key_at, key, merge.names()));
        };
        let wanted = match (shape, &node.value) {
            (Shape::Integer, Value::Number(written)) if written.parse::<i64>().is_err() => {
                let text = format!("`{name}` should be an integer, and is {written}");
                return Err(Mistake::new(node.at, text));
            }
            (Shape::Integer | Shape::Number, Value::Number(_))
            | (Shape::Text, Value::Text(_))
            | (Shape::Unknown, _)
            | (_, Value::Null) => None,
            (Shape::Integer, _) => Some("an integer"),
            (Shape::Number, _) => Some("a number"),
            (Shape::Text, _) => Some("a string"),
        };
        if let Some(wanted) = wanted {
            return Err(of_other_kind(node.at, &name, wanted, &node.value));
        }
        if shape == Shape::Unknown || node.value != Value::Null {
            merge.set(name, node);
        }
    }
    merge.finish().map_err(|error| Mistake::new(node.at, format!("attributes: {error}")))
}

fn toxicity(keys: &Keys<'_>) -> Result<Option<f32>, Mistake> {
    let Some(node) = keys.get("toxicity") else { return Ok(None) };
    let Value::Number(written) = &node.value else {
        return Err(of_other_kind(node.at, "toxicity", "a number", &node.value));
    };
    let number = written.parse().ok().filter(|number: &f32| (0.0..=1.0).contains(number));
    let wanted = format!("`toxicity` should be from 0 to 1, and is {written}");
    number.map(Some).ok_or_else(|| Mistake::new(node.at, wanted))
}

fn client(keys: &Keys<'_>) -> Result<Option<ClientMatch>, Mistake> {
    let Some(written) = keys.text("client")? else { return Ok(None) };
    let at = keys.get("client").map_or(0, |node| node.at);
    let client = written.parse().map_err(|error| Mistake::new(at, format!("client: {error}")))?;
    Ok(Some(client))
}

fn schedule(node: &Node) -> Result<Schedule, Mistake> {
    let keys = Keys::of(node, &["after_ms", "for_ms", "every_ms"])?;
    let window = Window {
        after_ms: keys.milliseconds("after_ms")?.unwrap_or(0),
        for_ms: keys.milliseconds("for_ms")?,
        every_ms: keys.milliseconds("every_ms")?,
    };
    let schedule = Schedule::try_from(window);
    schedule.map_err(|error| Mistake::new(node.at, format!("schedule: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::go_json::first;

    fn read(text: &str) -> Result<Toxic, String> {
        toxic(&first(text.as_bytes()).unwrap()).map_err(|mistake| mistake.text)
    }

    #[test]
    fn everything_that_only_ours_has_is_read() {
        let read = read(
            r#"{"type":"down","stream":"Upstream","client":"10.0.0.0/8","toxicity":0.5,
                "schedule":{"after_ms":10,"for_ms":20,"every_ms":100}}"#,
        )
        .unwrap();
        assert_eq!(read.name, "down_Upstream");
        assert_eq!(read.client.to_string(), "10.0.0.0/8");
        let expected = Window { after_ms: 10, for_ms: Some(20), every_ms: Some(100) };
        assert_eq!((read.toxicity, read.schedule.unwrap().window()), (0.5, expected));
    }

    #[test]
    fn what_is_wrong_is_said() {
        for (text, expected) in [
            (r#"{"type":"lag"}"#, "invalid toxic type `lag`"),
            (r#"{"name":"x"}"#, "missing required field: type"),
            (r#"{"type":"noop","stream":"up"}"#, "stream was invalid, can be either upstream or"),
            (r#"{"type":"noop","toxicity":2}"#, "`toxicity` should be from 0 to 1, and is 2"),
            (r#"{"type":"noop","client":"here"}"#, "client: `here` is no address"),
            (r#"{"type":"noop","attributes":{"a":1}}"#, "unknown key `a`; there may be no key"),
            (r#"{"type":"latency","attributes":{"latncy":1}}"#, "unknown key `latncy`; there may"),
            (r#"{"type":"latency","attributes":{"latency":1.5}}"#, "`latency` should be an integ"),
            (r#"{"type":"latency","attributes":{"latency":"1"}}"#, "`latency` should be an integ"),
            (r#"{"type":"noop","schedule":{"for_ms":-1}}"#, "`for_ms` should be milliseconds"),
            (r#"{"type":"noop","schedule":{"for_ms":0}}"#, "schedule: `for_ms` is 0"),
            (r#"{"type":"noop","schedule":5}"#, "an object should be here"),
        ] {
            let mistake = read(text).unwrap_err();
            assert!(mistake.starts_with(expected), "{text}: {mistake}");
        }
    }

    #[test]
    fn a_schedule_is_taken_away_by_null() {
        let change = |text: &str| {
            let kind = kind_named("noop").unwrap();
            toxic_change(&kind, &first(text.as_bytes()).unwrap()).unwrap().schedule
        };
        assert_eq!(change(r#"{"schedule":null}"#), Some(None));
        assert_eq!(change("{}"), None);
    }
}
