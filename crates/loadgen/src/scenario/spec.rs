//! The public form of a scenario: what stands under `[scenario.NAME]` in a `system.toml`.

use std::collections::BTreeMap;
use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One kind of request that clients send, as it is written in a `system.toml`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ScenarioSpec {
    /// The service that is asked.
    pub service: String,
    /// `GET`, `HEAD`, `POST`, `PUT`, `PATCH`, `DELETE` or `OPTIONS`.
    #[serde(default = "get")]
    pub method: String,
    /// Path and query. `{name}` stands for a variable, percent-encoded; `{{name}}` is a literal.
    pub path: String,
    /// Further headers. Beside variables, `{deadline_ms}` stands for what is left of the deadline.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, String>,
    /// The request's body; variables are put in as they are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
    /// What the placeholders stand for.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub variables: BTreeMap<String, VariableSpec>,
    /// The statuses that are a success; absent, every status from 200 to 299 is.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub success: Vec<u16>,
    /// The statuses after which a write may have happened all the same, so that its outcome is
    /// `info`; absent, 500, 502 and 504.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uncertain: Option<Vec<u16>>,
    /// What the history keeps of the request and its answer.
    #[serde(default, skip_serializing_if = "ObserveSpec::is_empty")]
    pub observe: ObserveSpec,
    /// Whether the request changes state; absent, every method but GET, HEAD and OPTIONS does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub write: Option<bool>,
}

/// Where id, key, version and value of an operation stand. Each is `header:NAME` or
/// `body:/pointer` (a JSON pointer) of the answer, or, except the version, a template over the
/// variables.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ObserveSpec {
    /// What was made or acted on, such as `body:/order_id`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// What is read or written, such as `offer-{id}`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// The version that was read or acknowledged, such as `header:ETag`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// The value that was read or sent, such as `body:/price_cents` or `{price}`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    /// The value where the answer has none, or does not come: what was asked for, a template over
    /// the variables. Without it, nobody knows what a write without an answer may have written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sent: Option<String>,
}

impl ObserveSpec {
    fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// How the values of one variable are chosen. The value for an attempt depends on the seed, the
/// variable's name and the attempt's index only, never on timing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum VariableSpec {
    /// Any of these, with equal chances.
    OneOf(Vec<ScalarSpec>),
    /// A whole number from `from` to `to`, both included, with equal chances.
    Integer { from: i64, to: i64 },
    /// A whole number from `from` to `to`: the k-th is chosen with a weight of 1 / k^exponent.
    Zipf { from: i64, to: i64, exponent: f64 },
    /// `from`, `from` + 1, … in the order of the attempts.
    Sequence { from: i64 },
    /// A random UUID for every attempt.
    Uuid(bool),
    /// A day among the `days` days that begin with `from` (`2027-03-01`), with equal chances.
    Date { from: String, days: u32 },
    /// An id that an answer of this scenario gave, each of them once; it observes `id` and is part
    /// of the same load. Until there is one, the nil UUID stands in. All such variables of a
    /// scenario have the same value in one attempt.
    Answered(String),
}

/// A plain value of a `one_of` list.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum ScalarSpec {
    Boolean(bool),
    Integer(i64),
    Float(f64),
    Text(String),
}

impl fmt::Display for ScalarSpec {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Boolean(value) => value.fmt(formatter),
            Self::Integer(value) => value.fmt(formatter),
            Self::Float(value) => value.fmt(formatter),
            Self::Text(value) => value.fmt(formatter),
        }
    }
}

fn get() -> String {
    "GET".to_owned()
}
