//! A JSON string: what is no character becomes U+FFFD, as in Go.

use super::scan::{Scanner, SyntaxError};

/// Reads the string that begins at the scanner's place.
pub(super) fn read(scanner: &mut Scanner<'_>) -> Result<String, SyntaxError> {
    scanner.at += 1;
    let mut bytes = Vec::new();
    loop {
        match scanner.peek() {
            Some(b'"') => {
                scanner.at += 1;
                return Ok(String::from_utf8_lossy(&bytes).into_owned());
            }
            Some(b'\\') => {
                scanner.at += 1;
                let character = escape(scanner)?;
                bytes.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
            }
            Some(byte) if byte >= b' ' => {
                scanner.at += 1;
                bytes.push(byte);
            }
            _ => return Err(scanner.unexpected("in string literal")),
        }
    }
}

/// What follows a backslash.
fn escape(scanner: &mut Scanner<'_>) -> Result<char, SyntaxError> {
    let character = match scanner.peek() {
        Some(plain @ (b'"' | b'\\' | b'/')) => char::from(plain),
        Some(b'b') => '\u{8}',
        Some(b'f') => '\u{c}',
        Some(b'n') => '\n',
        Some(b'r') => '\r',
        Some(b't') => '\t',
        Some(b'u') => {
            scanner.at += 1;
            return unicode(scanner);
        }
        _ => return Err(scanner.unexpected("in string escape code")),
    };
    scanner.at += 1;
    Ok(character)
}

/// What follows `\u`, the second half of a pair included.
fn unicode(scanner: &mut Scanner<'_>) -> Result<char, SyntaxError> {
    let unit = four_digits(scanner)?;
    if !(0xd800..0xdc00).contains(&unit) {
        return Ok(char::from_u32(unit).unwrap_or(char::REPLACEMENT_CHARACTER));
    }
    let rest = scanner.bytes.get(scanner.at..).unwrap_or_default();
    if rest.starts_with(br"\u") {
        let before = scanner.at;
        scanner.at += 2;
        let low = four_digits(scanner)?;
        if (0xdc00..0xe000).contains(&low) {
            let code = 0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00);
            return Ok(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER));
        }
        // Not its second half: it stands for itself.
        scanner.at = before;
    }
    Ok(char::REPLACEMENT_CHARACTER)
}

fn four_digits(scanner: &mut Scanner<'_>) -> Result<u32, SyntaxError> {
    let mut unit = 0;
    for _ in 0..4 {
        let digit = scanner.peek().and_then(|byte| char::from(byte).to_digit(16));
        let Some(digit) = digit else {
            return Err(scanner.unexpected(r"in \u hexadecimal character escape"));
        };
        unit = unit * 16 + digit;
        scanner.at += 1;
    }
    Ok(unit)
}

#[cfg(test)]
mod tests {
    use super::super::{Value, first};

    fn check(written: &str, expected: &str) {
        let node = first(format!("\"{written}\"").as_bytes()).unwrap();
        assert_eq!(node.value, Value::Text(expected.to_owned()), "{written}");
    }

    #[test]
    fn escapes_and_halves_of_pairs_are_read_as_go_reads_them() {
        check(r#"\"\\\/\b\f\n\r\t"#, "\"\\/\u{8}\u{c}\n\r\t");
        check(r"\u00fcü", "üü");
        check(r"\ud83d\ude00", "😀");
        check(r"\ud83dx", "\u{fffd}x");
        check(r"\ud83d\u0041", "\u{fffd}A");
        check(r"\ude00", "\u{fffd}");
    }

    #[test]
    fn what_is_no_utf8_becomes_the_replacement_character() {
        let node = first(b"\"k\xff\"").unwrap();
        assert_eq!(node.value, Value::Text("k\u{fffd}".to_owned()));
    }
}
