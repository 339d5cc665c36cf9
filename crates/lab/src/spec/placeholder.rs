//! `{primary.url}` and its kind: what the lab fills into environments, commands and files.
//!
//! Only a name in braces is a placeholder, so the braces of an Nginx configuration or of JSON stay
//! what they are. `{{name}}` is written where `{name}` itself is meant.

use std::collections::BTreeMap;

use super::suggestion::nearest;

/// A placeholder that has no value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct UnknownPlaceholder {
    pub name: String,
    pub suggestion: Option<String>,
    /// Line within the text, from 1.
    pub line: usize,
}

impl std::fmt::Display for UnknownPlaceholder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "unknown placeholder `{{{}}}`", self.name)
    }
}

/// Fills in every placeholder of `text`.
///
/// # Errors
/// At the first placeholder that `values` does not hold.
pub fn fill(text: &str, values: &BTreeMap<String, String>) -> Result<String, UnknownPlaceholder> {
    let mut filled = String::with_capacity(text.len());
    for part in parts(text) {
        match part {
            Part::Text(plain) => filled.push_str(plain),
            Part::Escaped(name) => {
                filled.push('{');
                filled.push_str(name);
                filled.push('}');
            }
            Part::Placeholder { name, rest } => {
                let value = values.get(name).ok_or_else(|| UnknownPlaceholder {
                    name: name.to_owned(),
                    suggestion: nearest(name, values.keys().map(String::as_str)),
                    line: line_of(text, rest),
                })?;
                filled.push_str(value);
            }
        }
    }
    Ok(filled)
}

/// The names of all placeholders of `text`.
pub(crate) fn placeholders(text: &str) -> impl Iterator<Item = &str> {
    parts(text).filter_map(|part| match part {
        Part::Placeholder { name, .. } => Some(name),
        Part::Text(_) | Part::Escaped(_) => None,
    })
}

/// A piece of a template.
enum Part<'t> {
    Text(&'t str),
    Escaped(&'t str),
    /// `rest` begins with the placeholder itself.
    Placeholder {
        name: &'t str,
        rest: &'t str,
    },
}

fn parts(text: &str) -> impl Iterator<Item = Part<'_>> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let (part, length) = if let Some(name) = rest.strip_prefix('{').and_then(escaped) {
            (Part::Escaped(name), name.len() + 4)
        } else if let Some(name) = placeholder(rest) {
            (Part::Placeholder { name, rest }, name.len() + 2)
        } else {
            let first = rest.chars().next()?.len_utf8();
            let end = rest[first..].find('{').map_or(rest.len(), |at| first + at);
            (Part::Text(&rest[..end]), end)
        };
        rest = &rest[length..];
        Some(part)
    })
}

/// The name in `{name}` at the start of `text`.
fn placeholder(text: &str) -> Option<&str> {
    let (name, _) = text.strip_prefix('{')?.split_once('}')?;
    let is_name = name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.'));
    is_name.then_some(name)
}

/// The name in `{name}}` at the start of `text`: the second half of a doubled pair.
fn escaped(text: &str) -> Option<&str> {
    let name = placeholder(text)?;
    text[name.len() + 2..].starts_with('}').then_some(name)
}

fn line_of(text: &str, rest: &str) -> usize {
    let consumed = text.len() - rest.len();
    text.as_bytes()[..consumed].iter().filter(|byte| **byte == b'\n').count() + 1
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn values() -> BTreeMap<String, String> {
        [("port", "5000"), ("primary.url", "postgresql://127.0.0.1:5432/offers")]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into()
    }

    #[test]
    fn names_are_filled_in_and_other_braces_stay() {
        let cases = [
            ("--port={port}", "--port=5000"),
            ("{primary.url}", "postgresql://127.0.0.1:5432/offers"),
            ("http { listen {port}; }", "http { listen 5000; }"),
            ("events {}", "events {}"),
            ("{\"a\": {port}}", "{\"a\": 5000}"),
            ("{{port}}", "{port}"),
            ("{{anything}} {", "{anything} {"),
            ("${port}", "$5000"),
        ];
        for (text, expected) in cases {
            assert_eq!(fill(text, &values()).as_deref(), Ok(expected), "{text}");
        }
    }

    #[test]
    fn an_unknown_name_is_an_error_with_its_line_and_a_suggestion() {
        let error = fill("one\n{primary.ulr}", &values()).unwrap_err();
        assert_eq!(error.line, 2);
        assert_eq!(error.suggestion.as_deref(), Some("primary.url"));
    }

    proptest! {
        #[test]
        fn text_without_braces_stays_as_it_is(text in "[^{}]*") {
            prop_assert_eq!(fill(&text, &values()), Ok(text));
        }

        #[test]
        fn nothing_makes_it_panic(text in "[{}a-z.\\n é]*") {
            let _ = fill(&text, &values());
        }
    }
}
