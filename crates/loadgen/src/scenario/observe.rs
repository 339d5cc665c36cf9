//! What the history keeps of a request and its answer besides times and outcome.

use serde_json::Value;

use super::error::ScenarioError;
use super::spec::ObserveSpec;
use super::template::{DeadlineUse, Template};
use super::variable::Encoding;
use crate::http::Answer;

/// Where a fact stands.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Place {
    /// Position in [`Observe::headers`].
    Header(usize),
    /// A JSON pointer (RFC 6901) into the answer's body.
    Body(String),
    Template(Template),
}

/// The checked form of an [`ObserveSpec`].
#[derive(Clone, Debug, Default)]
pub(crate) struct Observe {
    pub(crate) id: Option<Place>,
    pub(crate) key: Option<Place>,
    pub(crate) version: Option<Place>,
    pub(crate) value: Option<Place>,
    /// Stands in for the value that an answer did not give.
    pub(crate) sent: Option<Place>,
    /// The names of the headers that the places refer to.
    pub(crate) headers: Vec<String>,
}

/// The facts of one answer.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Observed {
    pub(crate) id: Option<String>,
    pub(crate) key: Option<String>,
    pub(crate) version: Option<i64>,
    pub(crate) value: Option<String>,
}

impl Observe {
    pub(crate) fn try_new(
        scenario: &str,
        spec: &ObserveSpec,
        names: &[&str],
    ) -> Result<Self, ScenarioError> {
        let mut observe = Self::default();
        let mut place = |field, text: &Option<String>| {
            let text = text.as_deref();
            text.map(|text| observe.place(scenario, field, text, names)).transpose()
        };
        let id = place("id", &spec.id)?;
        let key = place("key", &spec.key)?;
        let version = place("version", &spec.version)?;
        let value = place("value", &spec.value)?;
        let sent = place("sent", &spec.sent)?;
        if matches!(sent, Some(Place::Header(_) | Place::Body(_))) {
            return Err(ScenarioError::Observe {
                scenario: scenario.to_owned(),
                field: "sent",
                text: spec.sent.clone().unwrap_or_default(),
                reason: "must be a template: it is what is known without an answer",
            });
        }
        if matches!(version, Some(Place::Template(_))) {
            return Err(ScenarioError::Observe {
                scenario: scenario.to_owned(),
                field: "version",
                text: spec.version.clone().unwrap_or_default(),
                reason: "must be `header:NAME` or `body:/pointer`: only an answer has a version",
            });
        }
        Ok(Self { id, key, version, value, sent, headers: observe.headers })
    }

    fn place(
        &mut self,
        scenario: &str,
        field: &'static str,
        text: &str,
        names: &[&str],
    ) -> Result<Place, ScenarioError> {
        let fail = |reason| ScenarioError::Observe {
            scenario: scenario.to_owned(),
            field,
            text: text.to_owned(),
            reason,
        };
        if let Some(name) = text.strip_prefix("header:") {
            if name.is_empty() {
                return Err(fail("names no header"));
            }
            self.headers.push(name.to_owned());
            Ok(Place::Header(self.headers.len() - 1))
        } else if let Some(pointer) = text.strip_prefix("body:") {
            if !pointer.is_empty() && !pointer.starts_with('/') {
                return Err(fail("is no JSON pointer, which starts with `/`"));
            }
            Ok(Place::Body(pointer.to_owned()))
        } else {
            Template::parse(text, names, Encoding::Plain, DeadlineUse::Refused)
                .map(Place::Template)
                .map_err(|unknown| ScenarioError::UnknownVariable {
                    scenario: scenario.to_owned(),
                    place: format!("observe.{field}"),
                    name: unknown.name,
                    hint: unknown.hint,
                })
        }
    }

    /// All places that are used.
    pub(crate) fn places(&self) -> impl Iterator<Item = &Place> {
        [&self.id, &self.key, &self.version, &self.value, &self.sent].into_iter().flatten()
    }

    /// Whether an answer's body has to be kept and parsed.
    pub(crate) fn needs_body(&self) -> bool {
        self.places().any(|place| matches!(place, Place::Body(_)))
    }

    /// Collects the facts of an answer; `render` fills in a template, `headers` are the values of
    /// [`Self::headers`]. What is not there or cannot be read is absent.
    pub(crate) fn collect(
        &self,
        answer: Option<&Answer>,
        render: impl Fn(&Template) -> String,
    ) -> Observed {
        let body: Option<Value> = match answer {
            Some(answer) if self.needs_body() => serde_json::from_slice(&answer.body).ok(),
            _ => None,
        };
        let text = |place: &Option<Place>| match place.as_ref()? {
            Place::Header(position) => answer?.headers.get(*position)?.clone(),
            Place::Body(pointer) => body.as_ref()?.pointer(pointer).map(plain_text),
            Place::Template(template) => Some(render(template)),
        };
        let version = text(&self.version).and_then(|text| parse_version(&text));
        let value = text(&self.value).or_else(|| text(&self.sent));
        Observed { id: text(&self.id), key: text(&self.key), version, value }
    }
}

fn plain_text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// Reads `17`, `"17"` and `W/"17"`; `-1` too, which an offset is before the first write.
fn parse_version(text: &str) -> Option<i64> {
    text.trim().trim_start_matches("W/").trim_matches('"').parse().ok()
}

#[cfg(test)]
mod tests {
    use super::{Observe, Observed, parse_version};
    use crate::http::Answer;
    use crate::scenario::ObserveSpec;

    fn spec(key: &str, version: &str, value: &str) -> ObserveSpec {
        let some = |text: &str| Some(text.to_owned());
        let (id, sent) = (None, None);
        ObserveSpec { id, key: some(key), version: some(version), value: some(value), sent }
    }

    #[test]
    fn facts_are_read_from_headers_and_body() {
        let spec = ObserveSpec {
            id: Some("body:/id".to_owned()),
            ..spec("body:/id", "header:ETag", "body:/price/cents")
        };
        let observe = Observe::try_new("s", &spec, &[]).unwrap();
        let body = br#"{"id":"a","price":{"cents":5}}"#.to_vec();
        let headers = vec![Some("\"17\"".to_owned())];
        let answer = Answer { headers, body, ..Answer::default() };
        let observed = observe.collect(Some(&answer), |_| unreachable!("no template"));
        let expected = Observed {
            id: Some("a".to_owned()),
            key: Some("a".to_owned()),
            version: Some(17),
            value: Some("5".to_owned()),
        };
        assert_eq!(observed, expected);
        let garbage = Answer { body: b"<html>".to_vec(), ..Answer::default() };
        assert_eq!(observe.collect(Some(&garbage), |_| String::new()), Observed::default());
        assert_eq!(observe.collect(None, |_| String::new()), Observed::default());
    }

    #[test]
    fn what_was_sent_stands_in_for_an_answer_that_does_not_say() {
        let sent = Some("[{id}]".to_owned());
        let spec = ObserveSpec { sent, ..spec("{id}", "header:ETag", "body:/done") };
        let observe = Observe::try_new("s", &spec, &["id"]).unwrap();
        let value =
            |answer: Option<&Answer>| observe.collect(answer, |_| "rendered".to_owned()).value;
        let body = |text: &str| Answer { body: text.as_bytes().to_vec(), ..Answer::default() };
        assert_eq!(value(Some(&body(r#"{"done":[1]}"#))).as_deref(), Some("[1]"));
        assert_eq!(value(Some(&body(r#"{"status":503}"#))).as_deref(), Some("rendered"));
        assert_eq!(value(None).as_deref(), Some("rendered"));
    }

    #[test]
    fn a_version_is_a_number_with_or_without_the_quotes_of_an_entity_tag() {
        for text in ["17", "\"17\"", "W/\"17\"", " 17 "] {
            assert_eq!(parse_version(text), Some(17), "{text}");
        }
        assert_eq!(parse_version("\"-1\""), Some(-1));
        assert_eq!(parse_version("\"abc\""), None);
    }

    #[test]
    fn a_place_that_is_none_is_refused() {
        let fails = |spec: ObserveSpec, reason: &str| {
            let error = Observe::try_new("s", &spec, &["id"]).unwrap_err().to_string();
            assert!(error.contains(reason), "{error}");
        };
        fails(spec("{id}", "{id}", "{id}"), "only an answer has a version");
        fails(spec("body:id", "header:ETag", "{id}"), "starts with `/`");
        fails(spec("{idd}", "header:ETag", "{id}"), "did you mean `id`?");
        fails(spec("{id}", "header:", "{id}"), "names no header");
        let sent = Some("body:/x".to_owned());
        fails(ObserveSpec { sent, ..spec("{id}", "header:ETag", "{id}") }, "must be a template");
    }
}
