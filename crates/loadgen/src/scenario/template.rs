//! Text with placeholders, split once so that rendering only copies.
//!
//! Only `{name}` is a placeholder; any other brace stands for itself, so that a JSON body can be
//! written as it is. `{{name}}` is the literal `{name}`.

use std::io::Write;

use super::variable::{Encoding, Variable};
use crate::draw::Stream;

/// The placeholder for what is left of the deadline, in whole milliseconds.
const DEADLINE: &str = "deadline_ms";

/// A suggestion is made for names at most this similar (Jaro-Winkler, 1 is equal).
const SIMILARITY_MIN: f64 = 0.7;

#[derive(Clone, Debug, PartialEq)]
enum Part {
    Literal(Vec<u8>),
    /// Position in the scenario's list of variables.
    Variable(usize, Encoding),
    Deadline,
    BodyLength,
}

/// Text with placeholders.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Template {
    parts: Vec<Part>,
}

/// A placeholder that names no variable.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct UnknownName {
    pub(crate) name: String,
    /// Ready to stand behind the message, such as ``; did you mean `city`?``.
    pub(crate) hint: String,
}

/// What the placeholders stand for in one rendering.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Values<'a> {
    pub(crate) variables: &'a [Variable],
    pub(crate) streams: &'a [Stream],
    pub(crate) index: u64,
    /// What a variable that is `answered` stands for.
    pub(crate) given: &'a str,
    pub(crate) deadline_ms: u128,
    pub(crate) body_length: usize,
}

impl Template {
    /// Splits `text`, whose placeholders are `names` and, if `deadline` is allowed, the deadline.
    pub(crate) fn parse(
        text: &str,
        names: &[&str],
        encoding: Encoding,
        deadline: DeadlineUse,
    ) -> Result<Self, UnknownName> {
        let mut template = Self::default();
        let mut rest = text;
        while let Some(open) = rest.find('{') {
            template.push_literal(&rest.as_bytes()[..open]);
            rest = &rest[open..];
            if let Some(name) = rest.strip_prefix("{{").and_then(leading_name)
                && rest[name.len() + 2..].starts_with("}}")
            {
                template.push_literal(&rest.as_bytes()[1..name.len() + 3]);
                rest = &rest[name.len() + 4..];
            } else if let Some(name) = leading_name(&rest[1..])
                && rest[name.len() + 1..].starts_with('}')
            {
                template.parts.push(placeholder(name, names, encoding, deadline)?);
                rest = &rest[name.len() + 2..];
            } else {
                template.push_literal(b"{");
                rest = &rest[1..];
            }
        }
        template.push_literal(rest.as_bytes());
        Ok(template)
    }

    pub(crate) fn push_literal(&mut self, bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        if let Some(Part::Literal(literal)) = self.parts.last_mut() {
            literal.extend_from_slice(bytes);
        } else {
            self.parts.push(Part::Literal(bytes.to_vec()));
        }
    }

    pub(crate) fn push_template(&mut self, other: &Self) {
        for part in &other.parts {
            if let Part::Literal(bytes) = part {
                self.push_literal(bytes);
            } else {
                self.parts.push(part.clone());
            }
        }
    }

    pub(crate) fn push_body_length(&mut self) {
        self.parts.push(Part::BodyLength);
    }

    /// The text, when it has no placeholder.
    pub(crate) fn as_literal(&self) -> Option<&[u8]> {
        match self.parts.as_slice() {
            [] => Some(b""),
            [Part::Literal(bytes)] => Some(bytes),
            _ => None,
        }
    }

    /// The positions of the variables that it uses.
    pub(crate) fn variables(&self) -> impl Iterator<Item = usize> {
        self.parts.iter().filter_map(|part| match part {
            Part::Variable(position, _) => Some(*position),
            Part::Literal(_) | Part::Deadline | Part::BodyLength => None,
        })
    }

    /// Appends the text with `values` filled in.
    pub(crate) fn render(&self, values: Values<'_>, out: &mut Vec<u8>) {
        for part in &self.parts {
            match part {
                Part::Literal(bytes) => out.extend_from_slice(bytes),
                Part::Variable(position, encoding) => {
                    let variable = &values.variables[*position];
                    if variable.answered_by().is_some() {
                        Variable::write_given(values.given, *encoding, out);
                    } else {
                        let stream = values.streams[*position];
                        variable.write(stream, values.index, *encoding, out);
                    }
                }
                Part::Deadline => write_number(out, values.deadline_ms),
                Part::BodyLength => write_number(out, values.body_length as u128),
            }
        }
    }
}

/// Whether `{deadline_ms}` may stand in a template.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DeadlineUse {
    Allowed,
    Refused,
}

fn write_number(out: &mut Vec<u8>, number: u128) {
    write!(out, "{number}").expect("writing to memory cannot fail");
}

fn leading_name(text: &str) -> Option<&str> {
    let end = text.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(text.len());
    let starts_well = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    starts_well.then_some(&text[..end])
}

fn placeholder(
    name: &str,
    names: &[&str],
    encoding: Encoding,
    deadline: DeadlineUse,
) -> Result<Part, UnknownName> {
    if let Some(position) = names.iter().position(|known| *known == name) {
        return Ok(Part::Variable(position, encoding));
    }
    if name == DEADLINE {
        return match deadline {
            DeadlineUse::Allowed => Ok(Part::Deadline),
            DeadlineUse::Refused => Err(UnknownName {
                name: name.to_owned(),
                hint: "; the deadline can stand in headers only".to_owned(),
            }),
        };
    }
    Err(UnknownName { name: name.to_owned(), hint: suggest(name, names) })
}

fn suggest(name: &str, names: &[&str]) -> String {
    let nearest = names
        .iter()
        .map(|known| (strsim::jaro_winkler(name, known), *known))
        .max_by(|(one, _), (other, _)| one.total_cmp(other));
    match nearest {
        Some((similarity, known)) if similarity >= SIMILARITY_MIN => {
            format!("; did you mean `{known}`?")
        }
        Some(_) => format!("; it has {}", names.join(", ")),
        None => "; it has none".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::{DeadlineUse, Template, Values};
    use crate::draw::Stream;
    use crate::scenario::variable::{Encoding, Variable};

    fn check(text: &str, expected: &str) {
        let variables = [Variable::Sequence { from: 40 }];
        let template =
            Template::parse(text, &["price"], Encoding::Plain, DeadlineUse::Allowed).unwrap();
        let mut out = Vec::new();
        let streams = [Stream::new(1, "price")];
        let variables = variables.as_slice();
        let values = Values {
            variables,
            streams: &streams,
            index: 2,
            given: "",
            deadline_ms: 250,
            body_length: 0,
        };
        template.render(values, &mut out);
        assert_eq!(String::from_utf8(out).unwrap(), expected, "{text}");
    }

    #[test]
    fn only_names_in_braces_are_placeholders() {
        check("", "");
        check("/offers", "/offers");
        check("/offers/{price}", "/offers/42");
        check(r#"{"cents": {price}}"#, r#"{"cents": 42}"#);
        check(r#"{"offer":{"cents":{price}}}"#, r#"{"offer":{"cents":42}}"#);
        check("{{price}} {price}{price}", "{price} 4242");
        check("{ {} {1} {", "{ {} {1} {");
        check("{deadline_ms}", "250");
        check("Zürich {price}", "Zürich 42");
    }

    #[test]
    fn an_unknown_name_comes_with_a_suggestion() {
        let parse = |text| {
            Template::parse(text, &["city", "nights"], Encoding::Plain, DeadlineUse::Refused)
                .unwrap_err()
                .hint
        };
        assert_eq!(parse("{ctiy}"), "; did you mean `city`?");
        assert_eq!(parse("{guests_max}"), "; it has city, nights");
        assert_eq!(parse("{deadline_ms}"), "; the deadline can stand in headers only");
    }
}
