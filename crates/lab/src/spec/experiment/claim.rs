//! A claim that makes sense: what is measured, when, and what has to be true of it.

use std::fmt;
use std::time::Duration;

use serde::Serialize;

use super::super::quantity::{Quantity, Unit};
use super::super::units::format_duration;
use super::accounts::Accounts;
use super::consistency::Consistency;
use super::file::{Aggregate, Answers, Phase};
use super::statuses::Statuses;

/// One claim of an experiment.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Claim {
    /// Unique in its experiment and stable between runs: `1-availability`.
    pub id: String,
    /// Where it stands in `experiment.toml`.
    pub line: usize,
    /// The claim in words, made from its parts.
    pub text: String,
    pub measure: Measure,
    pub during: Phase,
    pub limit: Limit,
    /// Whether it is an objective of the service.
    pub is_objective: bool,
    /// What theory allows, in milliseconds.
    pub bound_ms: Option<f64>,
    /// The share of the trials in which it has to hold, from 0 to 1.
    pub in_trials: f64,
}

/// What has to be true of the measured value.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Limit {
    AtLeast(Quantity),
    AtMost(Quantity),
    Equals(Quantity),
}

impl Limit {
    pub fn quantity(self) -> Quantity {
        match self {
            Self::AtLeast(quantity) | Self::AtMost(quantity) | Self::Equals(quantity) => quantity,
        }
    }

    /// Whether a value, in the unit of the limit, keeps to it.
    pub fn holds(self, value: f64) -> bool {
        // Shares and times are computed: what is equal but for rounding is equal.
        let slack = self.quantity().value.abs() * 1e-9 + f64::EPSILON;
        match self {
            Self::AtLeast(limit) => value >= limit.value - slack,
            Self::AtMost(limit) => value <= limit.value + slack,
            Self::Equals(limit) => (value - limit.value).abs() <= slack,
        }
    }

    /// How far a value is on the right side of the limit, in the unit of the limit; negative on
    /// the wrong side.
    pub fn margin(self, value: f64) -> f64 {
        match self {
            Self::AtLeast(limit) => value - limit.value,
            Self::AtMost(limit) => limit.value - value,
            Self::Equals(limit) => -(value - limit.value).abs(),
        }
    }
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AtLeast(limit) => write!(f, "≥ {limit}"),
            Self::AtMost(limit) => write!(f, "≤ {limit}"),
            Self::Equals(limit) => write!(f, "= {limit}"),
        }
    }
}

/// Which latency stands for all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Percentile {
    P50,
    P90,
    P95,
    P99,
    P999,
    Max,
}

impl Percentile {
    /// The share of operations that are at most as slow, from 0 to 1.
    pub fn share(self) -> f64 {
        match self {
            Self::P50 => 0.5,
            Self::P90 => 0.9,
            Self::P95 => 0.95,
            Self::P99 => 0.99,
            Self::P999 => 0.999,
            Self::Max => 1.0,
        }
    }
}

impl fmt::Display for Percentile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::P50 => "p50",
            Self::P90 => "p90",
            Self::P95 => "p95",
            Self::P99 => "p99",
            Self::P999 => "p99.9",
            Self::Max => "max",
        })
    }
}

/// What is measured. A scenario that is `None` means all of them.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Measure {
    Availability {
        of: Option<String>,
    },
    Latency {
        percentile: Percentile,
        answers: Answers,
        of: Option<String>,
    },
    Source {
        is: String,
        of: Option<String>,
    },
    Status {
        is: Statuses,
        of: Option<String>,
    },
    Ttd {
        /// The detector; `None` for whichever is first.
        by: Option<String>,
    },
    Ttr {
        of: Option<String>,
    },
    Outage {
        of: Option<String>,
    },
    StaleAgeMax {
        of: Option<String>,
    },
    /// The number of violations.
    Staleness {
        fresh_within: Duration,
        stale_within: Option<Duration>,
        of: Option<String>,
    },
    /// The number of answers that cannot be right.
    WrongAnswers {
        /// The final reading that is trusted.
        truth: Option<String>,
        of: Option<String>,
    },
    /// The number of mistakes.
    Ledger(Box<Accounts>),
    /// The number of findings against a sequential model.
    Consistency(Box<Consistency>),
    /// The number of pairs of reigns that overlap, in all managed clusters.
    TwoPrimaries,
    Ratio {
        of: Box<Operand>,
        over: Box<Operand>,
        /// Latencies below it are not told apart.
        resolution: Option<Duration>,
    },
    Metric {
        name: String,
        service: String,
        aggregate: Aggregate,
    },
    Missed {
        of: Option<String>,
    },
}

/// One side of a ratio.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Operand {
    pub measure: Measure,
    pub during: Phase,
}

impl Measure {
    /// The unit of the measured value.
    pub fn unit(&self) -> Unit {
        match self {
            Self::Availability { .. }
            | Self::Source { .. }
            | Self::Status { .. }
            | Self::Missed { .. } => Unit::Share,
            Self::Latency { .. }
            | Self::Ttd { .. }
            | Self::Ttr { .. }
            | Self::Outage { .. }
            | Self::StaleAgeMax { .. } => Unit::Milliseconds,
            Self::Staleness { .. } | Self::WrongAnswers { .. } => Unit::Count,
            Self::Ledger(_) | Self::Consistency(_) | Self::TwoPrimaries => Unit::Count,
            Self::Ratio { .. } => Unit::Factor,
            Self::Metric { aggregate, .. } => match aggregate {
                Aggregate::Rate => Unit::PerSecond,
                Aggregate::Delta | Aggregate::Max | Aggregate::Last => Unit::Count,
            },
        }
    }

    /// The word for it in ids.
    pub fn word(&self) -> String {
        match self {
            Self::Availability { .. } => "availability".to_owned(),
            Self::Latency { percentile: Percentile::P999, .. } => "latency_p999".to_owned(),
            Self::Latency { percentile: Percentile::Max, answers: Answers::Failed, .. } => {
                "error_latency_max".to_owned()
            }
            Self::Latency { percentile, .. } => format!("latency_{percentile}"),
            Self::Source { .. } => "source".to_owned(),
            Self::Status { .. } => "status".to_owned(),
            Self::Ttd { by: None } => "ttd".to_owned(),
            Self::Ttd { by: Some(by) } => format!("ttd_{by}"),
            Self::Ttr { .. } => "ttr".to_owned(),
            Self::Outage { .. } => "outage".to_owned(),
            Self::StaleAgeMax { .. } => "stale_age_max".to_owned(),
            Self::Staleness { .. } => "staleness".to_owned(),
            Self::WrongAnswers { .. } => "wrong_answers".to_owned(),
            Self::Ledger(_) => "ledger".to_owned(),
            Self::Consistency(consistency) => consistency.model.word().to_owned(),
            Self::TwoPrimaries => "two_primaries".to_owned(),
            Self::Ratio { .. } => "ratio".to_owned(),
            Self::Metric { .. } => "metric".to_owned(),
            Self::Missed { .. } => "missed".to_owned(),
        }
    }

    /// The scenario that it is about; `None` for all of them.
    pub fn scenario(&self) -> Option<&str> {
        match self {
            Self::Availability { of }
            | Self::Latency { of, .. }
            | Self::Source { of, .. }
            | Self::Status { of, .. }
            | Self::Ttr { of }
            | Self::Outage { of }
            | Self::StaleAgeMax { of }
            | Self::Staleness { of, .. }
            | Self::WrongAnswers { of, .. }
            | Self::Missed { of } => of.as_deref(),
            Self::Ledger(accounts) => Some(&accounts.creates),
            // Of all that it names together.
            Self::Consistency(_) => None,
            Self::Ttd { .. } | Self::TwoPrimaries | Self::Ratio { .. } | Self::Metric { .. } => {
                None
            }
        }
    }
}

impl fmt::Display for Measure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Availability { .. } => f.write_str("availability")?,
            Self::Latency { percentile, answers, .. } => match answers {
                Answers::All => write!(f, "latency {percentile}")?,
                Answers::Ok => write!(f, "latency {percentile} of successes")?,
                Answers::Failed => write!(f, "latency {percentile} of failures")?,
            },
            Self::Source { is, .. } => write!(f, "answers from {is}")?,
            Self::Status { is, .. } => write!(f, "answers with status {is}")?,
            Self::Ttd { by: None } => f.write_str("time to detect")?,
            Self::Ttd { by: Some(by) } => write!(f, "time to detect by {by}")?,
            Self::Ttr { .. } => f.write_str("time to recover")?,
            Self::Outage { .. } => f.write_str("longest time without success")?,
            Self::StaleAgeMax { .. } => f.write_str("greatest age of an answer")?,
            Self::Staleness { fresh_within, stale_within, .. } => {
                write!(f, "answers older than {}", format_duration(*fresh_within))?;
                if let Some(stale_within) = stale_within {
                    write!(f, " ({} when marked stale)", format_duration(*stale_within))?;
                }
            }
            Self::WrongAnswers { .. } => f.write_str("wrong answers")?,
            Self::Ledger(accounts) => write!(f, "{accounts}")?,
            Self::Consistency(consistency) => write!(f, "{consistency}")?,
            Self::TwoPrimaries => f.write_str("moments with two primaries")?,
            Self::Ratio { of, over, resolution } => {
                write!(f, "{of} over {over}")?;
                if let Some(resolution) = resolution {
                    write!(f, ", each at least {}", format_duration(*resolution))?;
                }
            }
            Self::Metric { name, service, aggregate } => {
                let what = match aggregate {
                    Aggregate::Delta => "growth of ",
                    Aggregate::Rate => "rate of ",
                    Aggregate::Max => "greatest ",
                    Aggregate::Last => "last ",
                };
                write!(f, "{what}{name} of {service}")?;
            }
            Self::Missed { .. } => f.write_str("requests sent late")?,
        }
        match self.scenario() {
            Some(scenario) => write!(f, " of {scenario}"),
            None => Ok(()),
        }
    }
}

impl fmt::Display for Operand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.measure, self.during.suffix())
    }
}

impl Phase {
    /// How it follows a measure in a sentence.
    pub fn suffix(self) -> &'static str {
        match self {
            Self::Before => " before the fault",
            Self::Fault => " during the fault",
            Self::After => " after the fault",
            Self::All => "",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_is_kept_on_its_edge_and_not_beyond() {
        let ms = |value| Quantity { value, unit: Unit::Milliseconds };
        assert!(Limit::AtMost(ms(50.0)).holds(50.0));
        assert!(!Limit::AtMost(ms(50.0)).holds(50.001));
        assert!(Limit::AtLeast(ms(50.0)).holds(50.0));
        assert!(!Limit::AtLeast(ms(50.0)).holds(49.999));
        assert!(Limit::Equals(ms(0.0)).holds(0.0));
        assert!(!Limit::Equals(ms(0.0)).holds(1.0));
        assert!(!Limit::AtMost(ms(50.0)).holds(f64::NAN), "no figure keeps to nothing");
    }

    #[test]
    fn the_margin_is_negative_on_the_wrong_side() {
        let limit = Limit::AtMost(Quantity { value: 50.0, unit: Unit::Milliseconds });
        assert!((limit.margin(30.0) - 20.0).abs() < 1e-9);
        assert!((limit.margin(70.0) + 20.0).abs() < 1e-9);
    }
}
