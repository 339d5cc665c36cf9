//! One line of the log or of a snapshot: a checksum, and JSON that people can read.

use serde::{Deserialize, Serialize};

use super::super::content::Deltas;
use super::super::keys::Answered;
use crate::service::sealed_line;

/// A line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(in super::super) enum Line {
    /// A life of the node has begun.
    Opened { node: u16, incarnation: u32 },
    /// Parts of carts, of the node's own changes or of others'; and what was answered under which
    /// key.
    Changed {
        carts: Deltas,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        answered: Option<Answered>,
    },
}

impl Line {
    /// The line with its checksum and its end.
    pub(in super::super) fn encode(&self) -> String {
        sealed_line::seal(self)
    }

    /// A line without its end; nothing if it is damaged.
    pub(super) fn decode(line: &[u8]) -> Option<Self> {
        sealed_line::open(line)
    }
}
