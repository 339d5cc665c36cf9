//! What is written down about a request that waits for its service.

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

/// A request as it will be delivered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(in super::super) struct Stored {
    /// Its `Idempotency-Key`, with which it is delivered however often that takes.
    pub(in super::super) key: String,
    /// As the service knows it.
    pub(in super::super) path: String,
    /// JSON, in any case text.
    pub(in super::super) body: String,
    pub(in super::super) client: String,
    #[serde(with = "time::serde::rfc3339")]
    pub(in super::super) taken_at: OffsetDateTime,
}

/// What its service has said in the end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(in super::super) struct Settled {
    pub(in super::super) status: u16,
    pub(in super::super) content_type: String,
    pub(in super::super) body: String,
    #[serde(with = "time::serde::rfc3339")]
    pub(in super::super) at: OffsetDateTime,
}

/// A line of the journal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Line {
    Taken(Stored),
    Settled { key: String, answer: Settled },
}

impl Stored {
    /// What must be done in the order in which it was asked for: all that concerns one reservation.
    /// A new reservation concerns no other.
    pub(super) fn subject(&self) -> &str {
        self.path.split('/').nth(2).filter(|id| !id.is_empty()).unwrap_or(&self.key)
    }

    /// Whether `path` and `body` are what came with the key the first time.
    pub(in super::super) fn is_same(&self, path: &str, body: &[u8]) -> bool {
        self.path == path && self.body.as_bytes() == body
    }

    pub(in super::super) fn bytes(&self) -> Bytes {
        Bytes::copy_from_slice(self.body.as_bytes())
    }
}
