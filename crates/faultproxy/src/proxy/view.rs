//! What callers see of a proxy at one moment.

use crate::link::TallySnapshot;
use crate::toxic::Toxic;

/// A proxy as it is.
#[derive(Clone, Debug, PartialEq)]
pub struct ProxyView {
    pub name: String,
    /// While it is enabled: the address that it listens on. Otherwise as it was given.
    pub listen: String,
    pub upstream: String,
    pub enabled: bool,
    /// Those of the upstream direction first, each direction in the order of its chain.
    pub toxics: Vec<ToxicView>,
    pub counters: Counters,
}

/// A toxic and what it did so far.
#[derive(Clone, Debug, PartialEq)]
pub struct ToxicView {
    pub toxic: Toxic,
    pub tally: TallySnapshot,
}

/// What a proxy did since it was created, up to this moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Connections that are open now, those that wait for their upstream included.
    pub connections_live: u64,
    /// Connections that were accepted.
    pub connections_total: u64,
    /// Connections that were closed at once, because too many are open.
    pub connections_refused: u64,
    /// Connections that were closed because no connection to the upstream could be made.
    pub dials_failed: u64,
    pub upstream: Flow,
    pub downstream: Flow,
}

/// What flowed in one direction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flow {
    pub received_bytes: u64,
    pub sent_bytes: u64,
}

/// How far live connections have taken over the newest toxics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Adoption {
    /// Live connections.
    pub connections: usize,
    /// Whether all of them run under the newest toxics.
    pub is_complete: bool,
}
