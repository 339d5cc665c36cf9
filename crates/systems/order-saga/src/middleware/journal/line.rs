//! One line of the journal: a checksum, and JSON that people can read.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use standfast_tactics::saga::{Cause, Entry, Ownership};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::service::sealed_line;

/// What a client has asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(in super::super) struct ClientOrder {
    pub(in super::super) product_id: String,
    pub(in super::super) quantity: u32,
    pub(in super::super) customer: String,
    /// Its `Idempotency-Key`, if it used one.
    pub(in super::super) client_key: Option<String>,
    /// A hash of what came with the key.
    pub(in super::super) client_hash: i64,
    #[serde(with = "time::serde::rfc3339")]
    pub(in super::super) at: OffsetDateTime,
}

/// A line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Line {
    /// A driver has taken the journal over.
    Opened {
        epoch: u64,
        owner: String,
    },
    Saga(SagaLine),
}

/// Entries of one saga that are written together.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(in super::super) struct SagaLine {
    pub(in super::super) saga: Uuid,
    pub(in super::super) epoch: u64,
    /// In the first line of a saga.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in super::super) order: Option<ClientOrder>,
    entries: Vec<EntryLine>,
    /// Whether the saga has ended with them.
    #[serde(default)]
    pub(in super::super) is_end: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum EntryLine {
    Intended { step: usize },
    Done { step: usize, answer: Value },
    Refused { step: usize, reason: String },
    GaveUp { step: usize, tries: u32 },
    Undone { step: usize },
    Parked { step: usize },
    Resumed,
}

impl SagaLine {
    pub(in super::super) fn new(
        saga: Uuid,
        epoch: u64,
        order: Option<ClientOrder>,
        entries: &[Entry<Value>],
    ) -> Self {
        let entries = entries.iter().map(EntryLine::of).collect();
        Self { saga, epoch, order, entries, is_end: false }
    }

    pub(in super::super) fn entries(&self) -> Vec<Entry<Value>> {
        self.entries.iter().map(EntryLine::entry).collect()
    }
}

impl EntryLine {
    fn of(entry: &Entry<Value>) -> Self {
        match entry {
            Entry::Intended { step } => Self::Intended { step: *step },
            Entry::Done { step, answer } => Self::Done { step: *step, answer: answer.clone() },
            Entry::TurnedBack { step, cause: Cause::Refused { reason } } => {
                Self::Refused { step: *step, reason: reason.clone() }
            }
            Entry::TurnedBack { step, cause: Cause::GaveUp { tries } } => {
                Self::GaveUp { step: *step, tries: *tries }
            }
            Entry::Undone { step } => Self::Undone { step: *step },
            Entry::Parked { step } => Self::Parked { step: *step },
            Entry::Resumed => Self::Resumed,
        }
    }

    fn entry(&self) -> Entry<Value> {
        match self.clone() {
            Self::Intended { step } => Entry::Intended { step },
            Self::Done { step, answer } => Entry::Done { step, answer },
            Self::Refused { step, reason } => {
                Entry::TurnedBack { step, cause: Cause::Refused { reason } }
            }
            Self::GaveUp { step, tries } => {
                Entry::TurnedBack { step, cause: Cause::GaveUp { tries } }
            }
            Self::Undone { step } => Entry::Undone { step },
            Self::Parked { step } => Entry::Parked { step },
            Self::Resumed => Entry::Resumed,
        }
    }
}

impl Line {
    pub(super) fn opened(ownership: &Ownership) -> Self {
        Self::Opened { epoch: ownership.epoch, owner: ownership.owner.clone() }
    }

    /// The line with its checksum and its end.
    pub(super) fn encode(&self) -> String {
        sealed_line::seal(self)
    }

    /// A line without its end; nothing if it is damaged.
    pub(super) fn decode(line: &[u8]) -> Option<Self> {
        sealed_line::open(line)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_entry_comes_back_as_it_was_and_a_changed_byte_is_noticed() {
        let refused = Cause::Refused { reason: "no".to_owned() };
        let entries = [
            Entry::Intended { step: 0 },
            Entry::Done { step: 0, answer: json!({ "price_cents": 137 }) },
            Entry::TurnedBack { step: 1, cause: refused },
            Entry::TurnedBack { step: 1, cause: Cause::GaveUp { tries: 9 } },
            Entry::Undone { step: 0 },
            Entry::Parked { step: 0 },
            Entry::Resumed,
        ];
        let line = SagaLine::new(Uuid::now_v7(), 3, None, &entries);
        assert_eq!(line.entries(), entries);
        let line = Line::Saga(line);
        let text = line.encode();
        let bytes = text.trim_end().as_bytes();
        assert_eq!(Line::decode(bytes), Some(line));
        for place in [0, 20, bytes.len() - 1] {
            let mut damaged = bytes.to_vec();
            damaged[place] ^= 1;
            assert_eq!(Line::decode(&damaged), None, "byte {place}");
        }
        assert_eq!(Line::decode(&bytes[..bytes.len() - 1]), None, "torn");
        assert_eq!(Line::decode(b""), None);
    }
}
