//! What a toxic did, counted over all connections of its proxy.

use std::sync::atomic::{AtomicU64, Ordering};

use serde::{Deserialize, Serialize};

/// Counters of one toxic, read while connections run.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    connections: AtomicU64,
    bytes: AtomicU64,
    dropped_bytes: AtomicU64,
}

/// The counters at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TallySnapshot {
    /// Connections that it hit.
    pub connections: u64,
    /// Bytes that came to it on connections that it hit, while it was active.
    pub bytes: u64,
    /// Bytes of those that it dropped.
    pub dropped_bytes: u64,
}

impl Tally {
    pub(crate) fn hit(&self) {
        self.connections.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn saw(&self, bytes: usize) {
        self.bytes.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    pub(crate) fn dropped(&self, bytes: usize) {
        self.dropped_bytes.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    pub(crate) fn snapshot(&self) -> TallySnapshot {
        TallySnapshot {
            connections: self.connections.load(Ordering::Relaxed),
            bytes: self.bytes.load(Ordering::Relaxed),
            dropped_bytes: self.dropped_bytes.load(Ordering::Relaxed),
        }
    }
}
