//! How likely something is: above 0, at most 1.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

/// What it is counted in, so that two of them are equal or are not.
const PARTS: f64 = 1e6;

/// Why something is no probability.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("`{0}` is no probability: it is above 0 and at most 1, as in 0.5")]
pub struct NoProbability(String);

/// A probability, in millionths.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "f64", into = "f64")]
pub struct Probability {
    parts: u32,
}

impl Probability {
    /// From 0 to 1.
    pub fn share(self) -> f64 {
        f64::from(self.parts) / PARTS
    }
}

impl TryFrom<f64> for Probability {
    type Error = NoProbability;

    fn try_from(share: f64) -> Result<Self, NoProbability> {
        let parts = (share * PARTS).round();
        match (1.0..=PARTS).contains(&parts) {
            true => Ok(Self { parts: parts as u32 }),
            false => Err(NoProbability(share.to_string())),
        }
    }
}

impl From<Probability> for f64 {
    fn from(probability: Probability) -> Self {
        probability.share()
    }
}

impl FromStr for Probability {
    type Err = NoProbability;

    fn from_str(text: &str) -> Result<Self, NoProbability> {
        let share: f64 = text.trim().parse().map_err(|_| NoProbability(text.to_owned()))?;
        Self::try_from(share)
    }
}

impl fmt::Display for Probability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.share())
    }
}

impl JsonSchema for Probability {
    fn schema_name() -> Cow<'static, str> {
        "Probability".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "number", "exclusiveMinimum": 0, "maximum": 1 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_probability_is_above_nothing_and_at_most_one() {
        for text in ["0.5", "1", "0.000001", " 0.01 "] {
            assert_eq!(text.parse::<Probability>().unwrap().to_string(), text.trim());
        }
        for text in ["0", "1.1", "-0.5", "NaN", "half", "50 %", "0.0000001"] {
            let error = text.parse::<Probability>().unwrap_err().to_string();
            assert!(error.contains("at most 1"), "{text}: {error}");
        }
    }

    #[test]
    fn it_is_a_number_in_a_file() {
        assert_eq!(serde_json::from_str::<Probability>("0.25").unwrap().share(), 0.25);
        assert_eq!(serde_json::to_string(&Probability { parts: 500_000 }).unwrap(), "0.5");
        assert!(serde_json::from_str::<Probability>("2").is_err());
    }
}
