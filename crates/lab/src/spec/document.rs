//! A TOML file that still knows on which line each of its values stands.
//!
//! Sections are read one by one, so that a mistake in one does not hide those in the others.

use std::collections::BTreeMap;
use std::ops::Range;

use serde::de::DeserializeOwned;
use toml::Spanned;
use toml::de::{DeTable, DeValue, ValueDeserializer};

use super::problem::{Problems, SpecError};
use super::suggestion::nearest;

/// One step on the way to a value.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Step<'a> {
    Key(&'a str),
    Index(usize),
}

impl<'a> From<&'a str> for Step<'a> {
    fn from(key: &'a str) -> Self {
        Self::Key(key)
    }
}

impl<'a> From<&'a String> for Step<'a> {
    fn from(key: &'a String) -> Self {
        Self::Key(key)
    }
}

impl From<usize> for Step<'_> {
    fn from(index: usize) -> Self {
        Self::Index(index)
    }
}

/// The path to a value, from names and positions.
macro_rules! steps {
    ($($step:expr),+ $(,)?) => { &[$($crate::spec::document::Step::from($step)),+] };
}
pub(crate) use steps;

/// A parsed file with the text that it came from.
#[derive(Debug)]
pub(crate) struct Document<'t> {
    text: &'t str,
    root: DeTable<'t>,
}

impl<'t> Document<'t> {
    /// # Errors
    /// When the text is no TOML: every place that is wrong is named.
    pub(crate) fn parse(file: &str, text: &'t str) -> Result<Self, SpecError> {
        let (root, errors) = DeTable::parse_recoverable(text);
        let mut problems = Problems::new(file);
        for error in errors {
            problems.report(line_at(text, error.span()), error.message());
        }
        problems.finish(Self { text, root: root.into_inner() })
    }

    /// The line of the value at `path`, or of its nearest ancestor that is there.
    pub(crate) fn line(&self, path: &[Step<'_>]) -> usize {
        let mut steps = path.iter();
        let Some(Step::Key(key)) = steps.next() else { return 1 };
        let Some((name, mut value)) = self.root.get_key_value(*key) else { return 1 };
        let mut span = name.span();
        for step in steps {
            let next = match (step, value.get_ref()) {
                (Step::Key(key), DeValue::Table(table)) => table.get_key_value(*key),
                (Step::Index(index), DeValue::Array(array)) => {
                    let Some(item) = array.get(*index) else { break };
                    span = item.span();
                    value = item;
                    continue;
                }
                _ => None,
            };
            let Some((name, next)) = next else { break };
            span = name.span();
            value = next;
        }
        line_at(self.text, Some(span))
    }

    /// Reports every top-level key that is not in `known`.
    pub(crate) fn check_keys(&self, known: &[&str], problems: &mut Problems) {
        for key in self.root.keys() {
            let name = key.get_ref().as_ref();
            if !known.contains(&name) {
                let line = line_at(self.text, Some(key.span()));
                let text = format!("unknown key `{name}`");
                problems.report_unknown(line, text, name, known.iter().copied());
            }
        }
    }

    /// Names of the tables `[section.NAME]`, those included that could not be read.
    pub(crate) fn names(&self, section: &str) -> Vec<&str> {
        match self.root.get(section).map(Spanned::get_ref) {
            Some(DeValue::Table(table)) => table.keys().map(|key| key.get_ref().as_ref()).collect(),
            _ => Vec::new(),
        }
    }

    /// Whether a top-level key is there at all.
    pub(crate) fn has(&self, key: &str) -> bool {
        self.root.contains_key(key)
    }

    /// Reads the value of a top-level key. `None` when it is not there, or is wrong and reported.
    pub(crate) fn read<T: DeserializeOwned>(
        &self,
        key: &str,
        problems: &mut Problems,
    ) -> Option<T> {
        self.root.get(key).and_then(|value| self.decode(key, value, problems))
    }

    /// Reads a top-level key that must be there.
    pub(crate) fn read_required<T: DeserializeOwned>(
        &self,
        key: &str,
        problems: &mut Problems,
    ) -> Option<T> {
        if !self.has(key) {
            problems.report(1, format!("`{key}` is missing"));
        }
        self.read(key, problems)
    }

    /// Reads the tables `[section.NAME]`; those that are wrong are reported and left out.
    pub(crate) fn read_tables<T: DeserializeOwned>(
        &self,
        section: &str,
        problems: &mut Problems,
    ) -> BTreeMap<String, T> {
        let Some(value) = self.root.get(section) else { return BTreeMap::new() };
        let DeValue::Table(table) = value.get_ref() else {
            let line = line_at(self.text, Some(value.span()));
            problems.report(line, format!("`{section}` holds tables: write `[{section}.NAME]`"));
            return BTreeMap::new();
        };
        let mut read = BTreeMap::new();
        for (name, value) in table {
            let name = name.get_ref().as_ref();
            if let Some(item) = self.decode(&format!("{section}.{name}"), value, problems) {
                read.insert(name.to_owned(), item);
            }
        }
        read
    }

    /// Reads the list `[[section]]` with each item's position; those that are wrong are reported
    /// and left out.
    pub(crate) fn read_list<T: DeserializeOwned>(
        &self,
        section: &str,
        problems: &mut Problems,
    ) -> Vec<(usize, T)> {
        let Some(value) = self.root.get(section) else { return Vec::new() };
        let DeValue::Array(array) = value.get_ref() else {
            let line = line_at(self.text, Some(value.span()));
            problems.report(line, format!("`{section}` is a list: write `[[{section}]]`"));
            return Vec::new();
        };
        let mut read = Vec::new();
        for (index, value) in array.iter().enumerate() {
            let place = format!("{section} {}", index + 1);
            if let Some(item) = self.decode(&place, value, problems) {
                read.push((index, item));
            }
        }
        read
    }

    fn decode<T: DeserializeOwned>(
        &self,
        place: &str,
        value: &Spanned<DeValue<'t>>,
        problems: &mut Problems,
    ) -> Option<T> {
        match T::deserialize(ValueDeserializer::from(value.clone())) {
            Ok(read) => Some(read),
            Err(error) => {
                let line = line_at(self.text, error.span().or_else(|| Some(value.span())));
                let suggestion = suggestion_in(error.message());
                problems.push(line, format!("{place}: {}", error.message()), suggestion);
                None
            }
        }
    }
}

/// The line of `text`, counted from 1, on which `span` begins; the first without one.
pub fn line_at(text: &str, span: Option<Range<usize>>) -> usize {
    let start = span.map_or(0, |span| span.start.min(text.len()));
    text.as_bytes()[..start].iter().filter(|byte| **byte == b'\n').count() + 1
}

/// What an unknown word in a mistake of serde's may have meant.
pub fn suggestion_in(message: &str) -> Option<String> {
    if !message.starts_with("unknown field") && !message.starts_with("unknown variant") {
        return None;
    }
    // serde names the unknown word first and then those that it knows, all in backticks.
    let mut quoted = message.split('`').skip(1).step_by(2);
    let word = quoted.next()?;
    nearest(word, quoted)
}
