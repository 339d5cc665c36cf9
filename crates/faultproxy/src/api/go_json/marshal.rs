//! Writes JSON as Go does: `1` for 1.0, and no character that HTML would take for markup.

use std::io;

use serde::Serialize;
use serde_json::ser::{Formatter, Serializer};

/// The text of a value.
pub(crate) fn marshal(value: &impl Serialize) -> Vec<u8> {
    let mut text = Vec::new();
    let mut serializer = Serializer::with_formatter(&mut text, GoFormatter);
    value.serialize(&mut serializer).expect("keys are strings, and a vector takes all");
    text
}

#[derive(Debug)]
struct GoFormatter;

impl Formatter for GoFormatter {
    fn write_f32<W: ?Sized + io::Write>(&mut self, writer: &mut W, value: f32) -> io::Result<()> {
        if value == 0.0 || (1e-6..1e21).contains(&value.abs()) {
            return write!(writer, "{value}");
        }
        writer.write_all(with_sign_of_exponent(&format!("{value:e}")).as_bytes())
    }

    fn write_f64<W: ?Sized + io::Write>(&mut self, writer: &mut W, value: f64) -> io::Result<()> {
        if value == 0.0 || (1e-6..1e21).contains(&value.abs()) {
            return write!(writer, "{value}");
        }
        writer.write_all(with_sign_of_exponent(&format!("{value:e}")).as_bytes())
    }

    fn write_string_fragment<W: ?Sized + io::Write>(
        &mut self,
        writer: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        let is_escaped = |character| matches!(character, '<' | '>' | '&' | '\u{2028}' | '\u{2029}');
        let mut rest = fragment;
        while let Some(at) = rest.find(is_escaped) {
            let character = rest[at..].chars().next().expect("one was found there");
            writer.write_all(&rest.as_bytes()[..at])?;
            write!(writer, "\\u{:04x}", u32::from(character))?;
            rest = &rest[at + character.len_utf8()..];
        }
        writer.write_all(rest.as_bytes())
    }
}

/// `1e30` with the sign that Go writes.
fn with_sign_of_exponent(written: &str) -> String {
    match written.split_once('e') {
        Some((mantissa, exponent)) if !exponent.starts_with('-') => {
            format!("{mantissa}e+{exponent}")
        }
        _ => written.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(value: &impl Serialize, expected: &str) {
        assert_eq!(String::from_utf8(marshal(value)).unwrap(), expected);
    }

    #[test]
    fn numbers_are_written_as_go_writes_them() {
        for (value, expected) in [
            (1.0_f32, "1"),
            (0.5, "0.5"),
            (0.1, "0.1"),
            (-0.0, "-0"),
            (1e-6, "0.000001"),
            (1e-7, "1e-7"),
            (1.5e-10, "1.5e-10"),
            (1e20, "100000000000000000000"),
            (1e21, "1e+21"),
            (-1e30, "-1e+30"),
            (123_456.79, "123456.79"),
        ] {
            check(&value, expected);
        }
        check(&0.25_f64, "0.25");
        check(&1e300_f64, "1e+300");
    }

    #[test]
    fn markup_is_escaped_and_nothing_else() {
        check(&"<a & b>ü\u{2028}x\u{7f}/", "\"\\u003ca \\u0026 b\\u003eü\\u2028x\u{7f}/\"");
        check(&"\u{1}\u{8}\u{c}\n\"\\", r#""\u0001\b\f\n\"\\""#);
    }
}
