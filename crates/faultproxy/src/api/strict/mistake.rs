//! What is wrong with a declaration, and where.

use std::fmt;

use crate::api::go_json::SyntaxError;

/// What is wrong, in words that name the thing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text}")]
pub(crate) struct Mistake {
    /// Bytes before it.
    pub(crate) at: usize,
    pub(crate) text: String,
}

impl Mistake {
    pub(super) fn new(at: usize, text: impl Into<String>) -> Self {
        Self { at, text: text.into() }
    }
}

impl From<SyntaxError> for Mistake {
    fn from(error: SyntaxError) -> Self {
        Self { at: error.at, text: error.text }
    }
}

/// A place as an editor shows it: both numbers count from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Position {
    pub(crate) line: usize,
    pub(crate) column: usize,
}

impl Position {
    /// The place after the first `at` bytes of `text`.
    pub(crate) fn of(at: usize, text: &[u8]) -> Self {
        let before = &text[..at.min(text.len())];
        let line_start = before.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
        let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
        let column = String::from_utf8_lossy(&before[line_start..]).chars().count() + 1;
        Self { line, column }
    }
}

impl fmt::Display for Position {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "line {}, column {}", self.line, self.column)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_count_characters() {
        let text = "a\nüb\n".as_bytes();
        assert_eq!(Position::of(0, text), Position { line: 1, column: 1 });
        assert_eq!(Position::of(4, text), Position { line: 2, column: 2 });
        assert_eq!(Position::of(99, text), Position { line: 3, column: 1 });
    }
}
