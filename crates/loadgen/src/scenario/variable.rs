//! How the value of a variable is chosen for an attempt.

use std::io::Write;

use time::format_description::well_known::Iso8601;
use time::{Date, Duration};

use super::spec::VariableSpec;
use crate::draw::Stream;

/// The Zipf table takes eight bytes per value; this bound keeps it at 8 MB.
const ZIPF_VALUES_MAX: u64 = 1_000_000;

/// A century of days: more is a mistake in the file.
const DAYS_MAX: u32 = 36_525;

/// How a value is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Encoding {
    /// Percent-encoded for a path or query.
    Percent,
    /// As it is.
    Plain,
}

/// A checked variable.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Variable {
    OneOf {
        plain: Vec<String>,
        encoded: Vec<String>,
    },
    Integer {
        from: i64,
        count: u64,
    },
    Zipf {
        from: i64,
        cumulative: Vec<f64>,
    },
    Sequence {
        from: i64,
    },
    Uuid,
    /// An id that this scenario was answered; not drawn, but given.
    Answered {
        of: String,
    },
}

impl Variable {
    /// Checks `spec`; the error is the reason, ready to stand behind the variable's name.
    pub(crate) fn try_new(spec: &VariableSpec) -> Result<Self, String> {
        match spec {
            VariableSpec::OneOf(values) if values.is_empty() => {
                Err("is one of an empty list".to_owned())
            }
            VariableSpec::OneOf(values) => {
                Ok(Self::one_of(values.iter().map(ToString::to_string).collect()))
            }
            VariableSpec::Integer { from, to } => {
                Ok(Self::Integer { from: *from, count: count(*from, *to)? })
            }
            VariableSpec::Zipf { from, to, exponent } => {
                let count = count(*from, *to)?;
                if count > ZIPF_VALUES_MAX {
                    return Err(format!("spans {count} values; at most {ZIPF_VALUES_MAX} can be"));
                }
                if !exponent.is_finite() || *exponent < 0.0 {
                    return Err(format!("has exponent {exponent}; it must be 0 or more"));
                }
                Ok(Self::Zipf { from: *from, cumulative: zipf(count, *exponent) })
            }
            VariableSpec::Sequence { from } => Ok(Self::Sequence { from: *from }),
            VariableSpec::Uuid(true) => Ok(Self::Uuid),
            VariableSpec::Uuid(false) => Err("is `uuid = false`; drop it".to_owned()),
            VariableSpec::Answered(of) => Ok(Self::Answered { of: of.clone() }),
            VariableSpec::Date { from, days } => days_from(from, *days).map(Self::one_of),
        }
    }

    fn one_of(plain: Vec<String>) -> Self {
        let encoded = plain.iter().map(|value| percent_encode(value)).collect();
        Self::OneOf { plain, encoded }
    }

    /// The scenario whose answers give its values.
    pub(crate) fn answered_by(&self) -> Option<&str> {
        match self {
            Self::Answered { of } => Some(of),
            Self::OneOf { .. }
            | Self::Integer { .. }
            | Self::Zipf { .. }
            | Self::Sequence { .. }
            | Self::Uuid => None,
        }
    }

    /// Writes a value that an answer gave.
    pub(crate) fn write_given(value: &str, encoding: Encoding, out: &mut Vec<u8>) {
        match encoding {
            Encoding::Percent => out.extend_from_slice(percent_encode(value).as_bytes()),
            Encoding::Plain => out.extend_from_slice(value.as_bytes()),
        }
    }

    /// Whether a value can break the line of a header.
    pub(crate) fn has_control_characters(&self) -> bool {
        matches!(self, Self::OneOf { plain, .. }
            if plain.iter().any(|value| value.contains(char::is_control)))
    }

    /// Appends the value for attempt `index`.
    pub(crate) fn write(&self, stream: Stream, index: u64, encoding: Encoding, out: &mut Vec<u8>) {
        match self {
            Self::OneOf { plain, encoded } => {
                let position = stream.below(index, plain.len() as u64);
                let position = usize::try_from(position).expect("a position in a list");
                let values = if encoding == Encoding::Percent { encoded } else { plain };
                out.extend_from_slice(values[position].as_bytes());
            }
            Self::Integer { from, count } => {
                write_integer(out, from.wrapping_add_unsigned(stream.below(index, *count)));
            }
            Self::Zipf { from, cumulative } => {
                let share = stream.unit(index);
                let rank = cumulative.partition_point(|bound| *bound <= share);
                write_integer(out, from.wrapping_add_unsigned(rank as u64));
            }
            Self::Sequence { from } => write_integer(out, from.wrapping_add_unsigned(index)),
            Self::Uuid => write_uuid(out, stream, index),
            Self::Answered { .. } => unreachable!("what was answered is not drawn"),
        }
    }
}

fn count(from: i64, to: i64) -> Result<u64, String> {
    if to < from {
        return Err(format!("goes from {from} to {to}, which is empty"));
    }
    from.abs_diff(to).checked_add(1).ok_or_else(|| "spans more than 2^64 values".to_owned())
}

/// The share of the draws that falls on each value or one before it.
fn zipf(count: u64, exponent: f64) -> Vec<f64> {
    let mut total = 0.0;
    let mut cumulative: Vec<f64> = (1..=count)
        .map(|rank| {
            #[expect(clippy::cast_precision_loss, reason = "at most a million")]
            let weight = (rank as f64).powf(-exponent);
            total += weight;
            total
        })
        .collect();
    for bound in &mut cumulative {
        *bound /= total;
    }
    // Rounding must not leave a gap in which a draw finds no value.
    if let Some(last) = cumulative.last_mut() {
        *last = 1.0;
    }
    cumulative
}

fn days_from(from: &str, days: u32) -> Result<Vec<String>, String> {
    let first = Date::parse(from, &Iso8601::DATE)
        .map_err(|error| format!("begins with `{from}`, which is no date: {error}"))?;
    if days == 0 || days > DAYS_MAX {
        return Err(format!("has {days} days; it must have 1 to {DAYS_MAX}"));
    }
    (0..days)
        .map(|day| {
            let date = first.checked_add(Duration::days(i64::from(day)));
            date.map(|date| date.to_string()).ok_or_else(|| "leaves the calendar".to_owned())
        })
        .collect()
}

/// Encodes everything but the unreserved characters of RFC 3986.
fn percent_encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}

fn write_integer(out: &mut Vec<u8>, number: i64) {
    write!(out, "{number}").expect("writing to memory cannot fail");
}

/// Writes a version 4 UUID (RFC 9562), with the draw as its random bits.
fn write_uuid(out: &mut Vec<u8>, stream: Stream, index: u64) {
    let high = stream.bits(index.wrapping_mul(2));
    let low = stream.bits(index.wrapping_mul(2).wrapping_add(1));
    let high = high & !0xf000 | 0x4000;
    let low = low & !(0b11 << 62) | (0b10 << 62);
    write!(
        out,
        "{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
        high >> 32,
        high >> 16 & 0xffff,
        high & 0xffff,
        low >> 48,
        low & 0xffff_ffff_ffff,
    )
    .expect("writing to memory cannot fail");
}

#[cfg(test)]
mod tests {
    use super::{Encoding, Variable};
    use crate::draw::Stream;
    use crate::scenario::{ScalarSpec, VariableSpec};

    fn values(spec: &VariableSpec, count: u64, encoding: Encoding) -> Vec<String> {
        let variable = Variable::try_new(spec).unwrap();
        let stream = Stream::new(7, "variable");
        let value = |index| {
            let mut out = Vec::new();
            variable.write(stream, index, encoding, &mut out);
            String::from_utf8(out).unwrap()
        };
        (0..count).map(value).collect()
    }

    #[test]
    fn zipf_follows_the_law_exactly() {
        const DRAWS: u64 = 200_000;
        let spec = VariableSpec::Zipf { from: 1, to: 20, exponent: 1.1 };
        let values = values(&spec, DRAWS, Encoding::Plain);
        let weights: Vec<f64> = (1..=20).map(|rank| f64::from(rank).powf(-1.1)).collect();
        let total: f64 = weights.iter().sum();
        for (rank, weight) in (1..=20).zip(weights) {
            let drawn = values.iter().filter(|value| **value == rank.to_string()).count();
            let (drawn, share) = (f64::from(u32::try_from(drawn).unwrap()), weight / total);
            let expected = share * 200_000.0;
            // Five standard deviations of a binomial count.
            let bound = 5.0 * (expected * (1.0 - share)).sqrt();
            assert!((drawn - expected).abs() < bound, "rank {rank}: {drawn}, not {expected}");
        }
    }

    #[test]
    fn values_of_a_path_are_percent_encoded() {
        let spec = VariableSpec::OneOf(vec![ScalarSpec::Text("São Tomé/ä?".to_owned())]);
        assert_eq!(values(&spec, 1, Encoding::Percent), ["S%C3%A3o%20Tom%C3%A9%2F%C3%A4%3F"]);
        assert_eq!(values(&spec, 1, Encoding::Plain), ["São Tomé/ä?"]);
    }

    #[test]
    fn dates_run_over_the_end_of_a_leap_february() {
        let spec = VariableSpec::Date { from: "2028-02-28".to_owned(), days: 3 };
        let mut days = values(&spec, 100, Encoding::Plain);
        days.sort();
        days.dedup();
        assert_eq!(days, ["2028-02-28", "2028-02-29", "2028-03-01"]);
    }

    #[test]
    fn integers_reach_both_ends_and_sequences_count() {
        let mut drawn = values(&VariableSpec::Integer { from: -1, to: 1 }, 99, Encoding::Plain);
        drawn.sort();
        drawn.dedup();
        assert_eq!(drawn, ["-1", "0", "1"]);
        let full = VariableSpec::Integer { from: 0, to: i64::MAX };
        assert!(values(&full, 99, Encoding::Plain).iter().all(|value| !value.starts_with('-')));
        assert_eq!(
            values(&VariableSpec::Sequence { from: 5 }, 3, Encoding::Plain),
            ["5", "6", "7"]
        );
    }

    #[test]
    fn uuids_are_distinct_and_of_version_4() {
        let mut uuids = values(&VariableSpec::Uuid(true), 1000, Encoding::Plain);
        assert!(uuids.iter().all(|uuid| uuid.len() == 36 && uuid.as_bytes()[14] == b'4'));
        assert!(uuids.iter().all(|uuid| b"89ab".contains(&uuid.as_bytes()[19])));
        uuids.sort();
        uuids.dedup();
        assert_eq!(uuids.len(), 1000);
    }

    #[test]
    fn what_cannot_be_drawn_is_refused_with_the_reason() {
        let check = |spec: VariableSpec, reason: &str| {
            let error = Variable::try_new(&spec).unwrap_err();
            assert!(error.contains(reason), "{error}");
        };
        check(VariableSpec::OneOf(Vec::new()), "empty list");
        check(VariableSpec::Integer { from: 2, to: 1 }, "from 2 to 1");
        check(VariableSpec::Integer { from: i64::MIN, to: i64::MAX }, "2^64");
        check(VariableSpec::Zipf { from: 1, to: 2_000_000, exponent: 1.0 }, "2000000 values");
        check(VariableSpec::Zipf { from: 1, to: 2, exponent: f64::NAN }, "exponent NaN");
        check(VariableSpec::Uuid(false), "drop it");
        check(VariableSpec::Date { from: "2027-02-30".to_owned(), days: 1 }, "no date");
        check(VariableSpec::Date { from: "2027-02-03".to_owned(), days: 0 }, "0 days");
    }
}
