//! Durations, moments and rates as people write them: `"250 ms"`, `"25 %"`, `"200/s"`.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

/// Why a text is no duration, rate or quantity.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is no {what}; write it like {example}")]
pub struct UnitError {
    pub(crate) text: String,
    pub(crate) what: &'static str,
    pub(crate) example: &'static str,
}

/// Splits `"250 ms"` into its number and its unit.
pub(crate) fn split_number(text: &str) -> Option<(f64, &str)> {
    let text = text.trim();
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.' && c != '_');
    let (number, unit) = text.split_at(end.unwrap_or(text.len()));
    let number: f64 = number.replace('_', "").parse().ok()?;
    Some((number, unit.trim()))
}

pub(crate) fn duration_of(number: f64, unit: &str) -> Option<Duration> {
    let seconds = match unit {
        "us" | "µs" => number / 1e6,
        "ms" => number / 1e3,
        "s" => number,
        "m" | "min" => number * 60.0,
        "h" => number * 3600.0,
        _ => return None,
    };
    Duration::try_from_secs_f64(seconds).ok()
}

/// Writes a duration in the largest unit that leaves no fraction.
pub(crate) fn format_duration(duration: Duration) -> String {
    let us = duration.as_micros();
    match us {
        0 => "0s".to_owned(),
        _ if us.is_multiple_of(60_000_000) => format!("{}m", us / 60_000_000),
        _ if us.is_multiple_of(1_000_000) => format!("{}s", us / 1_000_000),
        _ if us.is_multiple_of(1_000) => format!("{}ms", us / 1_000),
        _ => format!("{us}us"),
    }
}

/// A length of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Length(pub Duration);

impl FromStr for Length {
    type Err = UnitError;

    fn from_str(text: &str) -> Result<Self, UnitError> {
        split_number(text)
            .and_then(|(number, unit)| duration_of(number, unit))
            .map(Self)
            .ok_or_else(|| UnitError {
                text: text.to_owned(),
                what: "duration",
                example: "\"250ms\", \"5s\" or \"2m\"",
            })
    }
}

impl fmt::Display for Length {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&format_duration(self.0))
    }
}

/// A moment of the run, or a length of it: absolute, or a share of the run's duration.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Moment {
    After(Duration),
    /// From 0 to 1.
    Share(f64),
}

impl Moment {
    /// The time after the start of a run that lasts `duration`.
    pub fn within(self, duration: Duration) -> Duration {
        match self {
            Self::After(after) => after,
            Self::Share(share) => duration.mul_f64(share),
        }
    }
}

impl FromStr for Moment {
    type Err = UnitError;

    fn from_str(text: &str) -> Result<Self, UnitError> {
        let read = split_number(text).and_then(|(number, unit)| match unit {
            "%" if number <= 100.0 => Some(Self::Share(number / 100.0)),
            _ => duration_of(number, unit).map(Self::After),
        });
        read.ok_or_else(|| UnitError {
            text: text.to_owned(),
            what: "moment of the run",
            example: "\"5s\" or \"25 %\"",
        })
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::After(after) => f.write_str(&format_duration(*after)),
            Self::Share(share) => write!(f, "{} %", share * 100.0),
        }
    }
}

/// Requests per second.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Rate {
    pub per_s: f64,
}

impl FromStr for Rate {
    type Err = UnitError;

    fn from_str(text: &str) -> Result<Self, UnitError> {
        let per_s = split_number(text).and_then(|(number, unit)| {
            let seconds = match unit.strip_prefix('/')?.trim() {
                "s" => 1.0,
                "m" | "min" => 60.0,
                _ => return None,
            };
            (number > 0.0).then_some(number / seconds)
        });
        per_s.map(|per_s| Self { per_s }).ok_or_else(|| UnitError {
            text: text.to_owned(),
            what: "rate",
            example: "\"200/s\" or \"30/min\"",
        })
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/s", self.per_s)
    }
}

/// What a link carries, in whole kilobytes (1000 bytes) per second.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct DataRate {
    pub kb_per_s: u32,
}

impl FromStr for DataRate {
    type Err = UnitError;

    fn from_str(text: &str) -> Result<Self, UnitError> {
        let kb_per_s = split_number(text).and_then(|(number, unit)| {
            let kb = match unit.strip_suffix("/s")?.trim() {
                "KB" | "kB" => number,
                "MB" => number * 1e3,
                "GB" => number * 1e6,
                _ => return None,
            };
            let is_whole = kb.fract() == 0.0 && (1.0..=f64::from(u32::MAX)).contains(&kb);
            is_whole.then_some(kb as u32)
        });
        kb_per_s.map(|kb_per_s| Self { kb_per_s }).ok_or_else(|| UnitError {
            text: text.to_owned(),
            what: "data rate",
            example: "\"100 KB/s\" or \"2 MB/s\", in whole kilobytes",
        })
    }
}

impl fmt::Display for DataRate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kb_per_s {
            kb if kb.is_multiple_of(1000) => write!(f, "{} MB/s", kb / 1000),
            kb => write!(f, "{kb} KB/s"),
        }
    }
}

/// These types are strings in a file: serde and the schema follow `FromStr` and `Display`.
macro_rules! written_as_text {
    ($type:ident, $name:literal, $pattern:literal) => {
        impl TryFrom<String> for $type {
            type Error = UnitError;

            fn try_from(text: String) -> Result<Self, UnitError> {
                text.parse()
            }
        }

        impl From<$type> for String {
            fn from(value: $type) -> Self {
                value.to_string()
            }
        }

        impl JsonSchema for $type {
            fn schema_name() -> Cow<'static, str> {
                $name.into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({ "type": "string", "pattern": $pattern })
            }
        }
    };
}

written_as_text!(Length, "Duration", r"^\s*[0-9._]+\s*(us|µs|ms|s|m|min|h)\s*$");
written_as_text!(Moment, "Moment", r"^\s*[0-9._]+\s*(us|µs|ms|s|m|min|h|%)\s*$");
written_as_text!(Rate, "Rate", r"^\s*[0-9._]+\s*/\s*(s|m|min)\s*$");
written_as_text!(DataRate, "DataRate", r"^\s*[0-9._]+\s*([kK]B|MB|GB)\s*/s\s*$");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_with_and_without_a_space() {
        for (text, ms) in [("250 ms", 250), ("5s", 5000), ("2m", 120_000), ("1.5s", 1500)] {
            assert_eq!(text.parse(), Ok(Length(Duration::from_millis(ms))), "{text}");
        }
        for text in ["", "5", "s", "5 parsecs", "-5s", "1e400s", "5 %"] {
            assert!(text.parse::<Length>().is_err(), "{text}");
        }
    }

    #[test]
    fn what_is_written_is_read_again() {
        for text in ["7us", "250ms", "5s", "2m", "0s"] {
            assert_eq!(text.parse::<Length>().unwrap().to_string(), text);
        }
        assert_eq!("25 %".parse::<Moment>().unwrap().to_string(), "25 %");
        assert_eq!("30/min".parse::<Rate>().unwrap().to_string(), "0.5/s");
    }

    #[test]
    fn a_share_is_taken_of_the_run() {
        let moment: Moment = "25 %".parse().unwrap();
        assert_eq!(moment.within(Duration::from_secs(20)), Duration::from_secs(5));
        assert!("125 %".parse::<Moment>().is_err(), "after the end of the run");
    }

    #[test]
    fn a_data_rate_is_a_whole_number_of_kilobytes() {
        for (text, kb_per_s) in [("100 KB/s", 100), ("2MB/s", 2000), ("1.5 MB/s", 1500)] {
            assert_eq!(text.parse(), Ok(DataRate { kb_per_s }), "{text}");
        }
        assert_eq!(DataRate { kb_per_s: 2000 }.to_string(), "2 MB/s");
        assert_eq!(DataRate { kb_per_s: 1500 }.to_string(), "1500 KB/s");
        for text in ["0 KB/s", "0.5 KB/s", "100", "100 KB", "100 B/s", "5000 GB/s"] {
            assert!(text.parse::<DataRate>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_rate_of_nothing_is_no_rate() {
        assert!("0/s".parse::<Rate>().is_err());
        assert!("200".parse::<Rate>().is_err(), "per what?");
    }
}
