//! The limit of a claim with its unit: `"99.9 %"`, `"50 ms"`, `"10 x"`, `3`.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use super::units::{UnitError, duration_of, split_number};

/// What a figure counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// A share: the value runs from 0 to 1 and is written in percent.
    Share,
    /// A time: the value is in milliseconds.
    Milliseconds,
    /// A number of things.
    Count,
    /// How many times one value is of another.
    Factor,
    /// A number of things per second.
    PerSecond,
}

/// A figure with its unit.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "NumberOrText")]
pub struct Quantity {
    pub value: f64,
    pub unit: Unit,
}

impl Quantity {
    /// The same figure as a figure of `unit`: a plain number counts whatever the claim measures,
    /// except times and shares, which need to say what they are.
    pub fn in_unit(self, unit: Unit) -> Option<Self> {
        match (self.unit, unit) {
            (own, wanted) if own == wanted => Some(self),
            (Unit::Count, Unit::Factor | Unit::PerSecond) => Some(Self { unit, ..self }),
            _ => None,
        }
    }
}

impl std::str::FromStr for Quantity {
    type Err = UnitError;

    fn from_str(text: &str) -> Result<Self, UnitError> {
        let quantity = |value, unit| Some(Self { value, unit });
        let read = split_number(text).and_then(|(number, unit)| match unit {
            "" => quantity(number, Unit::Count),
            "%" => quantity(number / 100.0, Unit::Share),
            "x" | "×" => quantity(number, Unit::Factor),
            "/s" | "/ s" => quantity(number, Unit::PerSecond),
            _ => duration_of(number, unit)
                .and_then(|time| quantity(time.as_secs_f64() * 1e3, Unit::Milliseconds)),
        });
        read.ok_or_else(|| UnitError {
            text: text.to_owned(),
            what: "limit",
            example: "\"100 %\", \"50 ms\", \"10 x\", \"20/s\" or 3",
        })
    }
}

impl fmt::Display for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = |value: f64| {
            let text = format!("{value:.3}");
            text.trim_end_matches('0').trim_end_matches('.').to_owned()
        };
        match self.unit {
            Unit::Share => write!(f, "{} %", shown(self.value * 100.0)),
            Unit::Milliseconds => write!(f, "{} ms", shown(self.value)),
            Unit::Count => f.write_str(&shown(self.value)),
            Unit::Factor => write!(f, "{} x", shown(self.value)),
            Unit::PerSecond => write!(f, "{} /s", shown(self.value)),
        }
    }
}

#[derive(Deserialize)]
#[serde(untagged, expecting = "a limit is a number, or a text like \"100 %\" or \"50 ms\"")]
enum NumberOrText {
    Number(f64),
    Text(String),
}

impl TryFrom<NumberOrText> for Quantity {
    type Error = UnitError;

    fn try_from(written: NumberOrText) -> Result<Self, UnitError> {
        match written {
            NumberOrText::Number(value) => Ok(Self { value, unit: Unit::Count }),
            NumberOrText::Text(text) => text.parse(),
        }
    }
}

impl JsonSchema for Quantity {
    fn schema_name() -> Cow<'static, str> {
        "Quantity".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let pattern = r"^\s*[0-9._]+\s*(us|µs|ms|s|m|min|h|%|x|×|/\s?s)?\s*$";
        json_schema!({ "oneOf": [{ "type": "number" }, { "type": "string", "pattern": pattern }] })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_read_with_their_unit() {
        let cases = [
            ("100 %", 1.0, Unit::Share),
            ("50 ms", 50.0, Unit::Milliseconds),
            ("1.5s", 1500.0, Unit::Milliseconds),
            ("10 x", 10.0, Unit::Factor),
            ("20/s", 20.0, Unit::PerSecond),
            ("3", 3.0, Unit::Count),
        ];
        for (text, value, unit) in cases {
            assert_eq!(text.parse(), Ok(Quantity { value, unit }), "{text}");
        }
    }

    #[test]
    fn a_plain_number_is_no_time_and_no_share() {
        let three = Quantity { value: 3.0, unit: Unit::Count };
        assert_eq!(three.in_unit(Unit::Milliseconds), None);
        assert_eq!(three.in_unit(Unit::Share), None);
        assert_eq!(three.in_unit(Unit::Factor).map(|q| q.to_string()), Some("3 x".to_owned()));
    }

    #[test]
    fn figures_are_shown_without_noise() {
        let shown = |text: &str| text.parse::<Quantity>().map(|q| q.to_string());
        assert_eq!(shown("99.9 %"), Ok("99.9 %".to_owned()));
        assert_eq!(shown("1.5s"), Ok("1500 ms".to_owned()));
    }
}
