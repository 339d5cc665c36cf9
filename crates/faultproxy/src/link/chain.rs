//! The toxics of one direction of a proxy, as all its connections see them.

use std::sync::Arc;

use tokio::time::Instant;

use super::tally::Tally;
use crate::toxic::Toxic;

/// A toxic in force.
#[derive(Clone, Debug)]
pub(crate) struct Installed {
    pub(crate) toxic: Toxic,
    /// Tells it from one of the same name that was there before.
    pub(crate) id: u64,
    /// How often it was changed; every change draws anew whom it hits.
    pub(crate) revision: u32,
    /// When it was added; its schedule counts from here.
    pub(crate) since: Instant,
    pub(crate) tally: Arc<Tally>,
}

/// The toxics of one direction, in the order in which bytes come to them. Never changed: replaced.
#[derive(Clone, Debug, Default)]
pub(crate) struct Chain {
    pub(crate) toxics: Vec<Arc<Installed>>,
}
