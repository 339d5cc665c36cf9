//! What a fault is given besides its target: which kind takes what, and what makes no sense.

use std::fmt;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use standfast_faultproxy::toxic::Direction;

use super::kind::{Fault, FaultKind};
use crate::spec::nearest;

/// The proxy counts time in these.
const DELAY_STEP: Duration = Duration::from_millis(1);

/// The directions of a link that a fault is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Sides {
    /// What the one who connected sends: requests.
    Upstream,
    /// What it is sent: answers.
    Downstream,
    Both,
}

impl Sides {
    pub(crate) fn directions(self) -> &'static [Direction] {
        match self {
            Self::Upstream => &[Direction::Upstream],
            Self::Downstream => &[Direction::Downstream],
            Self::Both => &Direction::ALL,
        }
    }
}

impl fmt::Display for Sides {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Upstream => "upstream",
            Self::Downstream => "downstream",
            Self::Both => "both",
        })
    }
}

/// Something that is wrong with a fault as it is written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text}{}", suggested(suggestion.as_deref()))]
pub struct Objection {
    pub text: String,
    /// What was probably meant.
    pub suggestion: Option<String>,
}

impl Objection {
    pub(super) fn new(text: impl Into<String>) -> Self {
        Self { text: text.into(), suggestion: None }
    }

    /// The same with the nearest of `known`.
    pub(super) fn unknown<'w>(
        text: impl Into<String>,
        word: &str,
        known: impl IntoIterator<Item = &'w str>,
    ) -> Self {
        let known: Vec<&str> = known.into_iter().collect();
        let suggestion = nearest(word, known.iter().copied());
        let mut text = text.into();
        if suggestion.is_none() && !known.is_empty() {
            text = format!("{text} (known: {})", known.join(", "));
        }
        Self { text, suggestion }
    }
}

fn suggested(suggestion: Option<&str>) -> String {
    suggestion.map_or_else(String::new, |word| format!("; did you mean `{word}`?"))
}

impl FaultKind {
    /// The parameters that it takes, the one that it needs first.
    fn parameters(self) -> &'static [&'static str] {
        match self {
            Self::Latency => &["delay", "jitter", "direction"],
            Self::Bandwidth => &["rate", "direction"],
            Self::Cut => &["direction"],
            Self::Slow => &["delay", "jitter"],
            Self::Intermittent => &["probability"],
            Self::Incorrect => &["product"],
            Self::Stop | Self::Kill | Self::Pause | Self::Flush | Self::Restart => &[],
            Self::Wipe | Self::StartByHand | Self::DiskFull => &[],
            Self::Forge | Self::Equivocate | Self::Replay | Self::Silent => &[],
            Self::Partition | Self::Reset | Self::Isolate => &[],
        }
    }
}

impl Fault {
    /// Everything that is wrong with its parameters.
    pub fn parameter_objections(&self) -> Vec<Objection> {
        let (kind, takes) = (self.kind, self.kind.parameters());
        let given = [
            ("delay", self.delay.is_some()),
            ("jitter", self.jitter.is_some()),
            ("rate", self.rate.is_some()),
            ("direction", self.direction.is_some()),
            ("probability", self.probability.is_some()),
            ("product", self.product.is_some()),
        ];
        let stray = given.iter().filter(|(name, is_given)| *is_given && !takes.contains(name));
        let mut objections: Vec<Objection> = stray
            .map(|(name, _)| match takes {
                [] => Objection::new(format!("{kind} takes no `{name}`, nor anything else")),
                _ => Objection::new(format!(
                    "{kind} takes no `{name}`; it takes {}",
                    takes.join(", ")
                )),
            })
            .collect();
        if matches!(kind, FaultKind::Latency | FaultKind::Slow) {
            objections.extend(self.delay_objection().map(Objection::new));
        }
        if kind == FaultKind::Bandwidth && self.rate.is_none() {
            let text = "bandwidth needs `rate`, as in `rate = \"100 KB/s\"`";
            objections.push(Objection::new(text));
        }
        if kind == FaultKind::Intermittent && self.probability.is_none() {
            let text = "intermittent needs `probability`, as in `probability = 0.5`";
            objections.push(Objection::new(text));
        }
        objections
    }

    fn delay_objection(&self) -> Option<String> {
        let Some(delay) = self.delay else {
            let kind = self.kind;
            return Some(format!("{kind} needs `delay`, as in `delay = \"200ms\"`"));
        };
        let jitter = self.jitter.map_or(Duration::ZERO, |jitter| jitter.0);
        let is_whole =
            |time: Duration| time.subsec_nanos().is_multiple_of(DELAY_STEP.subsec_nanos());
        if delay.0.is_zero() {
            return Some("a delay of nothing changes nothing".to_owned());
        }
        if !is_whole(delay.0) || !is_whole(jitter) {
            return Some("`delay` and `jitter` are whole milliseconds".to_owned());
        }
        (jitter > delay.0).then(|| "`jitter` is more than `delay`".to_owned())
    }

    /// The directions that it hits.
    pub(crate) fn sides(&self) -> Sides {
        let is_latency = self.kind == FaultKind::Latency;
        self.direction.unwrap_or(if is_latency { Sides::Downstream } else { Sides::Both })
    }

    /// Its parameters in words, such as `200ms ± 20ms, upstream`; empty when it has none.
    pub fn parameters(&self) -> String {
        let delay = self.delay.map(|delay| match self.jitter {
            Some(jitter) => format!("{delay} ± {jitter}"),
            None => delay.to_string(),
        });
        let rate = self.rate.map(|rate| rate.to_string());
        let direction = self.direction.map(|direction| direction.to_string());
        let probability = self.probability.map(|probability| format!("probability {probability}"));
        let product = self.product.clone();
        [delay, rate, direction, probability, product]
            .into_iter()
            .flatten()
            .collect::<Vec<_>>()
            .join(", ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(toml: &str, expected: &[&str]) {
        let fault: Fault = toml::from_str(toml).unwrap();
        let found: Vec<String> =
            fault.parameter_objections().iter().map(ToString::to_string).collect();
        assert_eq!(found, expected, "{toml}");
    }

    #[test]
    fn parameters_that_are_missing_stray_or_senseless_are_named() {
        check("kind = 'cut'\ntarget = 'a:b'", &[]);
        check("kind = 'latency'\ntarget = 'a:b'\ndelay = '200ms'\njitter = '20ms'", &[]);
        check("kind = 'bandwidth'\ntarget = 'b'\nrate = '100 KB/s'\ndirection = 'upstream'", &[]);
        check(
            "kind = 'latency'\ntarget = 'a:b'\nrate = '1 MB/s'",
            &[
                "latency takes no `rate`; it takes delay, jitter, direction",
                "latency needs `delay`, as in `delay = \"200ms\"`",
            ],
        );
        check(
            "kind = 'bandwidth'\ntarget = 'a:b'",
            &["bandwidth needs `rate`, as in `rate = \"100 KB/s\"`"],
        );
        check(
            "kind = 'reset'\ntarget = 'a:b'\ndirection = 'upstream'",
            &["reset takes no `direction`, nor anything else"],
        );
        check(
            "kind = 'stop'\ntarget = 'a'\ndelay = '1s'",
            &["stop takes no `delay`, nor anything else"],
        );
        check(
            "kind = 'slow'\ntarget = 'a'\ndirection = 'both'",
            &[
                "slow takes no `direction`; it takes delay, jitter",
                "slow needs `delay`, as in `delay = \"200ms\"`",
            ],
        );
        check(
            "kind = 'intermittent'\ntarget = 'a'",
            &["intermittent needs `probability`, as in `probability = 0.5`"],
        );
        check("kind = 'incorrect'\ntarget = 'a'\nproduct = 'X'", &[]);
        let latency = |rest: &str| format!("kind = 'latency'\ntarget = 'a:b'\n{rest}");
        check(&latency("delay = '0s'"), &["a delay of nothing changes nothing"]);
        check(&latency("delay = '1500us'"), &["`delay` and `jitter` are whole milliseconds"]);
        check(&latency("delay = '5ms'\njitter = '6ms'"), &["`jitter` is more than `delay`"]);
    }

    #[test]
    fn an_unknown_parameter_is_no_fault() {
        let error = toml::from_str::<Fault>("kind = 'cut'\ntarget = 'a'\ndely = '1s'").unwrap_err();
        assert!(error.message().contains("unknown field `dely`"), "{error}");
    }

    #[test]
    fn parameters_are_told_in_words() {
        let fault = Fault {
            delay: Some("200ms".parse().unwrap()),
            jitter: Some("20ms".parse().unwrap()),
            direction: Some(Sides::Both),
            ..Fault::new(FaultKind::Latency, "web:cache")
        };
        assert_eq!(fault.parameters(), "200ms ± 20ms, both");
        assert_eq!(Fault::new(FaultKind::Cut, "web:cache").parameters(), "");
    }
}
