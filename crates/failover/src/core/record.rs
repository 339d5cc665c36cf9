//! What a watchdog knows for sure, because it is on disk: the journal's content.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Moment;
use super::cover::Cover;
use super::node::NodeId;

/// One state of the journal. Each write replaces the one before it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Record {
    /// Grows by one with every primary. 0: none has been opened yet.
    pub epoch: u64,
    /// The one node that may take writes of clients.
    pub primary: NodeId,
    pub phase: Phase,
    /// Where every acknowledged write of this epoch, and of those before it, is sure to be.
    pub safe: Cover,
    /// Grows with every change of `safe`.
    pub sync_generation: u64,
    /// Nodes that were proved dead and have not rejoined, and how that was seen.
    pub fenced: BTreeMap<NodeId, String>,
    /// When the last automatic failovers were, on the clock of the watchdog's `now`.
    pub failovers: Vec<Moment>,
}

/// Where a cluster is on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "name", deny_unknown_fields)]
pub enum Phase {
    /// The primary is to serve.
    Serving,
    /// A switchover: clients wait, and `to` receives the rest. Given up by a restart.
    Draining { to: NodeId },
    /// The primary is being proved dead. Taken back when nobody can be promoted.
    Fencing { cause: Cause, to: Option<NodeId> },
    /// `candidate` may have been promoted already: there is no way back, only on.
    Promoting { candidate: NodeId, cause: Cause },
}

/// Why a primary is replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Cause {
    /// Its first opening.
    Beginning,
    /// Its process is gone.
    Gone,
    /// Its process is there, and does not answer.
    Hung,
    /// It is there, and serves nobody: recovering from a crash, or shutting down.
    Unready,
    /// It answers, and cannot write: a full disk, or one that hangs.
    CannotWrite,
    /// An operator asked, and nothing is lost.
    Switchover,
    /// An operator asked, and said that loss is accepted.
    DataLossAllowed,
}

impl Record {
    /// The first record of a cluster whose `primary` is still to be opened.
    pub fn beginning(primary: NodeId) -> Self {
        Self {
            epoch: 0,
            primary,
            phase: Phase::Promoting { candidate: primary, cause: Cause::Beginning },
            safe: Cover::NONE,
            sync_generation: 0,
            fenced: BTreeMap::new(),
            failovers: Vec::new(),
        }
    }

    /// The same with another claim.
    #[must_use]
    pub fn with_safe(mut self, safe: Cover) -> Self {
        self.safe = safe;
        self.sync_generation += 1;
        self
    }
}

impl Cause {
    /// Did the watchdog decide by itself?
    pub fn is_automatic(self) -> bool {
        match self {
            Self::Gone | Self::Hung | Self::Unready | Self::CannotWrite => true,
            Self::Beginning | Self::Switchover | Self::DataLossAllowed => false,
        }
    }
}
