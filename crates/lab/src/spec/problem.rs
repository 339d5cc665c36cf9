//! What is wrong with a file, where it stands, and what was probably meant.
//!
//! A person who writes a file wants to hear of all mistakes at once, so checks collect problems
//! and go on; only a file that is no TOML at all ends the reading early.

use std::fmt;

use super::suggestion::nearest;

/// One mistake in one file.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    /// The file as the user named it.
    pub file: String,
    /// Counted from 1.
    pub line: usize,
    pub text: String,
    /// What was probably meant.
    pub suggestion: Option<String>,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.file, self.line, self.text)?;
        match &self.suggestion {
            Some(suggestion) => write!(f, "; did you mean `{suggestion}`?"),
            None => Ok(()),
        }
    }
}

/// Every mistake of a file, in the order of its lines.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{}", lines(problems))]
pub struct SpecError {
    pub problems: Vec<Problem>,
}

fn lines(problems: &[Problem]) -> String {
    problems.iter().map(Problem::to_string).collect::<Vec<_>>().join("\n")
}

/// Collects problems of one file while its checks go on.
#[derive(Debug)]
pub(crate) struct Problems {
    file: String,
    found: Vec<Problem>,
}

impl Problems {
    pub(crate) fn new(file: &str) -> Self {
        Self { file: file.to_owned(), found: Vec::new() }
    }

    pub(crate) fn report(&mut self, line: usize, text: impl Into<String>) {
        self.push(line, text.into(), None);
    }

    /// Reports that `word` is unknown, with the nearest of `known`.
    pub(crate) fn report_unknown<'w>(
        &mut self,
        line: usize,
        text: impl Into<String>,
        word: &str,
        known: impl IntoIterator<Item = &'w str>,
    ) {
        let known: Vec<&str> = known.into_iter().collect();
        let suggestion = nearest(word, known.iter().copied());
        let mut text = text.into();
        if suggestion.is_none() && !known.is_empty() {
            text = format!("{text} (known: {})", known.join(", "));
        }
        self.push(line, text, suggestion);
    }

    pub(crate) fn push(&mut self, line: usize, text: String, suggestion: Option<String>) {
        self.found.push(Problem { file: self.file.clone(), line, text, suggestion });
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.found.is_empty()
    }

    /// # Errors
    /// When anything was reported.
    pub(crate) fn finish<T>(mut self, value: T) -> Result<T, SpecError> {
        if self.found.is_empty() {
            return Ok(value);
        }
        self.found.sort();
        self.found.dedup();
        Err(SpecError { problems: self.found })
    }
}
