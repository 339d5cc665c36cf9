//! The toxics of one direction of a proxy, as all its connections see them.

use std::sync::Arc;

use tokio::time::Instant;

use super::tally::Tally;
use crate::toxic::Toxic;

/// A toxic in force.
#[derive(Clone, Debug)]
pub struct Installed {
    pub toxic: Toxic,
    /// Tells it from one of the same name that was there before.
    pub id: u64,
    /// How often it was changed; every change draws anew whom it hits.
    pub revision: u32,
    /// When it was added; its schedule counts from here.
    pub since: Instant,
    pub tally: Arc<Tally>,
}

/// The toxics of one direction, in the order in which bytes come to them. Never changed: replaced.
#[derive(Clone, Debug, Default)]
pub struct Chain {
    pub toxics: Vec<Arc<Installed>>,
}
