//! The faults that a service can have, as `PUT /fault` describes them.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Nobody waits longer, and a mistyped length should not hold connections for days.
const DELAY_MS_MAX: u64 = 600_000;

/// A fault of this service.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum FaultKind {
    /// Answers come later by `delay_ms`, give or take `jitter_ms`.
    Latency {
        delay_ms: u64,
        #[serde(default)]
        jitter_ms: u64,
    },
    /// Requests are answered 500 with this probability.
    Intermittent { probability: f64 },
    /// Answers name another stock: for one product, or for all.
    Incorrect {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        product: Option<String>,
    },
    /// What is signed is something else, under a signature that is not the service's.
    Forge,
    /// One who asks is told something else than another, both under a good signature.
    Equivocate,
    /// What was signed before is the answer to other questions, too.
    Replay,
    /// Requests are taken and never answered.
    Silent,
}

impl FaultKind {
    /// What makes no sense about it.
    pub(super) fn objection(&self) -> Option<String> {
        match self {
            Self::Latency { delay_ms: 0, .. } => Some("`delay_ms` is 0".to_owned()),
            Self::Latency { delay_ms, .. } if *delay_ms > DELAY_MS_MAX => {
                Some(format!("`delay_ms` is more than {DELAY_MS_MAX}"))
            }
            Self::Latency { delay_ms, jitter_ms } if jitter_ms > delay_ms => {
                Some("`jitter_ms` is more than `delay_ms`".to_owned())
            }
            Self::Intermittent { probability } if !(*probability > 0.0 && *probability <= 1.0) => {
                Some("`probability` is above 0 and at most 1".to_owned())
            }
            Self::Latency { .. } | Self::Intermittent { .. } | Self::Incorrect { .. } => None,
            Self::Forge | Self::Equivocate | Self::Replay | Self::Silent => None,
        }
    }

    /// The delay between the shortest and the longest one, for a `draw` from 0 to 1.
    pub(super) fn delay(delay_ms: u64, jitter_ms: u64, draw: f64) -> Duration {
        let shortest = Duration::from_millis(delay_ms.saturating_sub(jitter_ms));
        shortest + Duration::from_millis(jitter_ms).mul_f64(2.0 * draw)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(json: &str, expected: Option<&str>) {
        let fault: FaultKind = serde_json::from_str(json).unwrap();
        assert_eq!(fault.objection().as_deref(), expected, "{json}");
    }

    #[test]
    fn what_makes_no_sense_is_named() {
        check(r#"{"kind":"latency","delay_ms":1000,"jitter_ms":500}"#, None);
        check(r#"{"kind":"latency","delay_ms":0}"#, Some("`delay_ms` is 0"));
        let more = "`jitter_ms` is more than `delay_ms`";
        check(r#"{"kind":"latency","delay_ms":5,"jitter_ms":6}"#, Some(more));
        check(r#"{"kind":"intermittent","probability":1}"#, None);
        let range = "`probability` is above 0 and at most 1";
        check(r#"{"kind":"intermittent","probability":0}"#, Some(range));
        check(r#"{"kind":"intermittent","probability":1.01}"#, Some(range));
        check(r#"{"kind":"incorrect"}"#, None);
    }

    #[test]
    fn an_unknown_kind_or_field_is_no_fault() {
        assert!(serde_json::from_str::<FaultKind>(r#"{"kind":"explode"}"#).is_err());
        let typo = r#"{"kind":"intermittent","probability":0.5,"produkt":"X"}"#;
        assert!(serde_json::from_str::<FaultKind>(typo).is_err());
    }

    #[test]
    fn delays_lie_around_the_one_that_is_named() {
        let delay = |draw| FaultKind::delay(1000, 500, draw).as_millis();
        assert_eq!((delay(0.0), delay(0.5), delay(1.0)), (500, 1000, 1500));
        assert_eq!(FaultKind::delay(1200, 0, 0.7).as_millis(), 1200);
    }
}
