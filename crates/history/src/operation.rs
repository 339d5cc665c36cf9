//! One attempt of one client: what it asked for, when, and what it got.

use serde::{Deserialize, Serialize};

/// How an attempt ended, as far as the client can know.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The client got the answer that its scenario calls a success.
    Ok,
    /// The client knows that the attempt had no effect, or got an answer that is no success.
    Fail,
    /// The client cannot know: a write was sent and no answer came. Final reads decide.
    Info,
}

/// Why there is no usable answer. An HTTP status that is no success is not an error of this kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ErrorKind {
    /// No connection could be made.
    Connect,
    /// The deadline passed; it counts from the intended send time.
    Timeout,
    /// The connection ended before the whole answer was there.
    Reset,
    /// The answer was not HTTP, or larger than the client accepts.
    Protocol,
    /// The generator never sent it: no connection was free until its deadline.
    NotSent,
}

/// One attempt. Every attempt that the schedule intended has exactly one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Operation {
    /// Position in the schedule of its scenario, from 0.
    pub index: u64,
    /// The scenario of `system.toml` that it belongs to.
    pub scenario: String,
    /// When the open-loop schedule wanted it sent.
    pub intended_us: u64,
    /// When the generator woke up, if it slept at real-time priority more than a millisecond past
    /// the intended time: the machine stalled until then, and not the system.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub woken_us: Option<u64>,
    /// When its first byte was handed to the socket; absent when it never was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sent_us: Option<u64>,
    /// When the whole answer was there, or when the client gave up.
    pub done_us: u64,
    pub outcome: Outcome,
    /// HTTP status, 0 when there was no answer.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub status: u16,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<ErrorKind>,
    /// Where the service says the answer came from (`X-Source`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// Whether the service marked the answer as stale (`X-Stale: true`).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub stale: bool,
    /// The age that the service states for the answer (`X-Age-Ms`, else `Age` in whole seconds).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub age_ms: Option<u64>,
    /// What the attempt made or acts on, when the scenario says where its name stands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// What was read or written, when the scenario says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// The version that was read or acknowledged, when the scenario says where it stands. It is
    /// below 0 where versions are offsets and nothing was written yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<i64>,
    /// The value that was read or sent, when the scenario says where it stands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    /// Whether the attempt changes state; such an attempt without an answer is `Info`.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub write: bool,
}

impl Operation {
    /// Latency from the *intended* send time, so that a stalled server cannot hide its own queue
    /// ("coordinated omission").
    pub fn latency_us(&self) -> u64 {
        self.done_us.saturating_sub(self.intended_us)
    }

    /// Time from the first byte sent to the whole answer; absent when it was never sent.
    pub fn service_time_us(&self) -> Option<u64> {
        self.sent_us.map(|sent| self.done_us.saturating_sub(sent))
    }
}

fn is_zero(status: &u16) -> bool {
    *status == 0
}
