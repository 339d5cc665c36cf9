//! A figure as people read it: enough digits, and never rounded onto the good side of a limit.

use crate::spec::Unit;

/// Writes a figure with its unit. A share is cut, not rounded: 99.9996 % must not read as 100 %.
pub fn figure(value: f64, unit: Unit) -> String {
    match unit {
        Unit::Share => format!("{} %", trimmed((value * 100_000.0 + ROUNDING).floor() / 1000.0, 3)),
        Unit::Milliseconds => milliseconds(value),
        Unit::Count => trimmed(value, 3),
        Unit::Factor => format!("{} ×", trimmed(value, if value.abs() < 10.0 { 2 } else { 1 })),
        Unit::PerSecond => format!("{}/s", trimmed(value, 1)),
    }
}

/// 0.29 * 100000 is 28999.999999999996 in binary: without this it would be cut to 28.999 %.
const ROUNDING: f64 = 1e-6;

/// A distance between two figures, without a sign. Shares differ in percentage points.
pub fn distance(value: f64, unit: Unit) -> String {
    match unit {
        Unit::Share => format!("{} points", trimmed(value.abs() * 100.0, 3)),
        Unit::Milliseconds | Unit::Count | Unit::Factor | Unit::PerSecond => {
            figure(value.abs(), unit)
        }
    }
}

/// Milliseconds with three significant digits, in seconds from ten seconds on.
pub fn milliseconds(value: f64) -> String {
    match value.abs() {
        size if size >= 10_000.0 => format!("{} s", trimmed(value / 1000.0, 2)),
        size if size >= 100.0 => format!("{} ms", trimmed(value, 0)),
        size if size >= 10.0 => format!("{} ms", trimmed(value, 1)),
        size if size >= 1.0 => format!("{} ms", trimmed(value, 2)),
        _ => format!("{} ms", trimmed(value, 3)),
    }
}

fn trimmed(value: f64, digits: usize) -> String {
    let text = format!("{value:.digits$}");
    let text = match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.'),
        false => &text,
    };
    if text == "-0" { "0".to_owned() } else { text.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_never_rounded_up_to_everything() {
        assert_eq!(figure(0.999_999, Unit::Share), "99.999 %");
        assert_eq!(figure(1.0, Unit::Share), "100 %");
        assert_eq!(figure(0.29, Unit::Share), "29 %");
        assert_eq!(figure(0.998, Unit::Share), "99.8 %");
    }

    #[test]
    fn times_keep_three_digits() {
        let cases =
            [(0.1234, "0.123 ms"), (1.234, "1.23 ms"), (49.96, "50 ms"), (1800.4, "1800 ms")];
        for (value, text) in cases {
            assert_eq!(milliseconds(value), text);
        }
        assert_eq!(milliseconds(12_340.0), "12.34 s");
    }

    #[test]
    fn shares_differ_in_points() {
        assert_eq!(distance(-0.027, Unit::Share), "2.7 points");
        assert_eq!(distance(-12.0, Unit::Milliseconds), "12 ms");
    }
}
