//! The first JSON value of a text, or what Go says instead.

use super::node::{Member, Node, Value};
use super::text;

/// Deeper values are refused, since reading is recursive. Go stops at 10,000; nothing that this
/// server takes is deeper than five.
const DEPTH_MAX: usize = 200;

/// Why a text is no JSON, in Go's words, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text}")]
pub(crate) struct SyntaxError {
    pub(crate) at: usize,
    pub(crate) text: String,
}

/// Reads the first value of `bytes`; what follows it is not looked at.
///
/// # Errors
/// When there is none, or none that ends.
pub(crate) fn first(bytes: &[u8]) -> Result<Node, SyntaxError> {
    first_with_end(bytes).map(|(node, _end)| node)
}

/// The same, and how many bytes it took.
///
/// # Errors
/// When there is none, or none that ends.
pub(crate) fn first_with_end(bytes: &[u8]) -> Result<(Node, usize), SyntaxError> {
    let mut scanner = Scanner { bytes, at: 0, depth: 0 };
    scanner.skip_blanks();
    if scanner.peek().is_none() {
        return Err(SyntaxError { at: scanner.at, text: "EOF".to_owned() });
    }
    let node = scanner.value()?;
    Ok((node, scanner.at))
}

pub(super) struct Scanner<'a> {
    pub(super) bytes: &'a [u8],
    pub(super) at: usize,
    depth: usize,
}

impl Scanner<'_> {
    fn value(&mut self) -> Result<Node, SyntaxError> {
        self.skip_blanks();
        let at = self.at;
        let value = match self.peek() {
            Some(b'{') => self.nested(Self::object)?,
            Some(b'[') => self.nested(Self::list)?,
            Some(b'"') => Value::Text(text::read(self)?),
            Some(b't') => self.literal("true", Value::Bool(true))?,
            Some(b'f') => self.literal("false", Value::Bool(false))?,
            Some(b'n') => self.literal("null", Value::Null)?,
            Some(b'-' | b'0'..=b'9') => self.number()?,
            _ => return Err(self.unexpected("looking for beginning of value")),
        };
        Ok(Node { at, value })
    }

    fn nested(
        &mut self,
        read: impl FnOnce(&mut Self) -> Result<Value, SyntaxError>,
    ) -> Result<Value, SyntaxError> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(SyntaxError { at: self.at, text: "exceeded max depth".to_owned() });
        }
        self.at += 1;
        let value = read(self)?;
        self.depth -= 1;
        Ok(value)
    }

    fn object(&mut self) -> Result<Value, SyntaxError> {
        let mut members = Vec::new();
        self.skip_blanks();
        if self.take(b'}') {
            return Ok(Value::Object(members));
        }
        loop {
            self.skip_blanks();
            let key_at = self.at;
            if self.peek() != Some(b'"') {
                return Err(self.unexpected("looking for beginning of object key string"));
            }
            let key = text::read(self)?;
            self.skip_blanks();
            if !self.take(b':') {
                return Err(self.unexpected("after object key"));
            }
            members.push(Member { key_at, key, node: self.value()? });
            self.skip_blanks();
            if self.take(b'}') {
                return Ok(Value::Object(members));
            }
            if !self.take(b',') {
                return Err(self.unexpected("after object key:value pair"));
            }
        }
    }

    fn list(&mut self) -> Result<Value, SyntaxError> {
        let mut items = Vec::new();
        self.skip_blanks();
        if self.take(b']') {
            return Ok(Value::List(items));
        }
        loop {
            items.push(self.value()?);
            self.skip_blanks();
            if self.take(b']') {
                return Ok(Value::List(items));
            }
            if !self.take(b',') {
                return Err(self.unexpected("after array element"));
            }
        }
    }

    fn literal(&mut self, word: &str, value: Value) -> Result<Value, SyntaxError> {
        for expected in word.bytes() {
            if !self.take(expected) {
                let expected = char::from(expected);
                return Err(self.unexpected(&format!("in literal {word} (expecting '{expected}')")));
            }
        }
        Ok(value)
    }

    fn number(&mut self) -> Result<Value, SyntaxError> {
        let start = self.at;
        self.take(b'-');
        if !self.take(b'0') {
            self.digits("in numeric literal")?;
        }
        if self.take(b'.') {
            self.digits("after decimal point in numeric literal")?;
        }
        if self.take(b'e') || self.take(b'E') {
            if !self.take(b'+') {
                self.take(b'-');
            }
            self.digits("in exponent of numeric literal")?;
        }
        let written = self.bytes[start..self.at].iter().copied().map(char::from).collect();
        Ok(Value::Number(written))
    }

    fn digits(&mut self, place: &str) -> Result<(), SyntaxError> {
        if !self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            return Err(self.unexpected(place));
        }
        while self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            self.at += 1;
        }
        Ok(())
    }

    fn skip_blanks(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\r' | b'\n')) {
            self.at += 1;
        }
    }

    pub(super) fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    pub(super) fn take(&mut self, expected: u8) -> bool {
        let is_there = self.peek() == Some(expected);
        self.at += usize::from(is_there);
        is_there
    }

    /// The complaint about the byte that is next, or about its absence.
    pub(super) fn unexpected(&self, place: &str) -> SyntaxError {
        let text = match self.peek() {
            Some(byte) => format!("invalid character {} {place}", quoted(byte)),
            None => "unexpected EOF".to_owned(),
        };
        SyntaxError { at: self.at, text }
    }
}

/// A byte as Go quotes it: taken for a character of Latin-1.
fn quoted(byte: u8) -> String {
    match byte {
        b'\'' => r"'\''".to_owned(),
        b'"' => r#"'"'"#.to_owned(),
        b'\\' => r"'\\'".to_owned(),
        7 => r"'\a'".to_owned(),
        8 => r"'\b'".to_owned(),
        9 => r"'\t'".to_owned(),
        10 => r"'\n'".to_owned(),
        11 => r"'\v'".to_owned(),
        12 => r"'\f'".to_owned(),
        13 => r"'\r'".to_owned(),
        0..=31 | 127 => format!(r"'\x{byte:02x}'"),
        // Not printable in Latin-1: the C1 controls, the no-break space and the soft hyphen.
        128..=160 | 173 => format!(r"'\u{byte:04x}'"),
        _ => format!("'{}'", char::from(byte)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn complaint(text: &[u8]) -> String {
        first(text).unwrap_err().text
    }

    #[test]
    fn values_know_where_they_stood() {
        let Value::Object(members) = first(b" {\"a\": [1, true]} rest").unwrap().value else {
            panic!("an object");
        };
        assert_eq!((members[0].key_at, members[0].node.at), (2, 7));
        let Value::List(items) = &members[0].node.value else { panic!("a list") };
        assert_eq!(items[0], Node { at: 8, value: Value::Number("1".to_owned()) });
        assert_eq!(items[1], Node { at: 11, value: Value::Bool(true) });
    }

    #[test]
    fn complaints_are_those_of_go() {
        for (text, expected) in [
            (&b""[..], "EOF"),
            (b" \n", "EOF"),
            (b"{", "unexpected EOF"),
            (b"\xff", "invalid character '\u{ff}' looking for beginning of value"),
            (b"\xc2\x85", "invalid character '\u{c2}' looking for beginning of value"),
            (b"\x85", r"invalid character '\u0085' looking for beginning of value"),
            (b"\x00", r"invalid character '\x00' looking for beginning of value"),
            (b"\\", r"invalid character '\\' looking for beginning of value"),
            (b"nul1", "invalid character '1' in literal null (expecting 'l')"),
            (b"[01]", "invalid character '1' after array element"),
        ] {
            assert_eq!(complaint(text), expected, "{text:?}");
        }
    }

    #[test]
    fn depth_is_bounded() {
        assert!(first("[".repeat(DEPTH_MAX + 1).as_bytes()).is_err());
        let text = format!("{}{}", "[".repeat(DEPTH_MAX), "]".repeat(DEPTH_MAX));
        assert!(first(text.as_bytes()).is_ok());
        assert_eq!(complaint("[".repeat(1_000_000).as_bytes()), "exceeded max depth");
    }
}
