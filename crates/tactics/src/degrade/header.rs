//! The grade in a header: `X-Answer: stale; age=1234`, ages in whole milliseconds, texts quoted as
//! strings of structured fields are (RFC 9651, §3.3.3).

use std::time::Duration;

use super::state::Grade;

/// The header that carries the grade of an answer.
pub const HEADER: &str = "x-answer";

/// Why the value of [`HEADER`] is no grade.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{value}` is no grade of an answer: {problem} (header {HEADER})")]
pub struct HeaderError {
    value: String,
    problem: &'static str,
}

/// Longer texts are cut: a header is no log.
const TEXT_BYTES_MAX: usize = 512;

impl Grade {
    /// The value of [`HEADER`]. Always valid in a header, whatever the texts hold: what is not
    /// printable ASCII becomes `?`, and long texts are cut.
    pub fn header_value(&self) -> String {
        match self {
            Self::Fresh => "fresh".to_owned(),
            Self::Stale { age } => format!("stale; age={}", age.as_millis()),
            Self::Degraded { why } => format!("degraded; why={}", quote(why)),
            Self::Partial { missing } => format!("partial; missing={}", quote(&missing.join(","))),
        }
    }

    /// Reads the value of [`HEADER`].
    ///
    /// # Errors
    /// When it is none.
    pub fn from_header(value: &str) -> Result<Self, HeaderError> {
        parse(value).map_err(|problem| {
            let value: String = value.chars().take(TEXT_BYTES_MAX).collect();
            HeaderError { value, problem }
        })
    }
}

fn parse(value: &str) -> Result<Grade, &'static str> {
    let (kind, parameter) = match value.split_once(';') {
        None => (value.trim(), None),
        Some((kind, parameter)) => {
            let pair = parameter.trim().split_once('=').ok_or("a parameter is `name=value`")?;
            (kind.trim(), Some(pair))
        }
    };
    match (kind, parameter) {
        ("fresh", None) => Ok(Grade::Fresh),
        ("stale", Some(("age", age))) => {
            let millis = age.parse().map_err(|_| "`age` is whole milliseconds")?;
            Ok(Grade::Stale { age: Duration::from_millis(millis) })
        }
        ("degraded", Some(("why", why))) => Ok(Grade::Degraded { why: unquote(why)? }),
        ("partial", Some(("missing", missing))) => {
            let missing = unquote(missing)?;
            Ok(Grade::Partial { missing: missing.split(',').map(str::to_owned).collect() })
        }
        ("fresh" | "stale" | "degraded" | "partial", _) => Err("its parameter is not that kind's"),
        _ => Err("it is fresh, stale, partial or degraded"),
    }
}

fn quote(text: &str) -> String {
    let mut quoted = String::from("\"");
    for character in text.chars() {
        if quoted.len() > TEXT_BYTES_MAX {
            break;
        }
        match character {
            '"' | '\\' => quoted.extend(['\\', character]),
            ' '..='~' => quoted.push(character),
            _ => quoted.push('?'),
        }
    }
    quoted.push('"');
    quoted
}

fn unquote(quoted: &str) -> Result<String, &'static str> {
    let inner = quoted
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'))
        .ok_or("a text is in quotation marks")?;
    let (mut text, mut characters) = (String::new(), inner.chars());
    while let Some(character) = characters.next() {
        match character {
            '\\' => match characters.next() {
                Some(escaped @ ('"' | '\\')) => text.push(escaped),
                _ => return Err("a backslash stands before a quotation mark or a backslash"),
            },
            '"' => return Err("a text ends at its quotation mark"),
            ' '..='~' => text.push(character),
            _ => return Err("a text is printable ASCII"),
        }
    }
    Ok(text)
}
