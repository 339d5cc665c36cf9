//! `down`: one direction is cut, as by a cable that is pulled or a one-way partition.
//!
//! TCP repeats what was lost once a network heals, so nothing is dropped here: it waits.

use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use super::effect::Effect;
use super::pipe::Pipe;

/// Holds all that comes, the end as well, until it is taken away.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Down {}

impl Effect for Down {
    fn run(&mut self, _pipe: &mut Pipe<'_>) -> Option<Instant> {
        None
    }

    fn is_cut(&self) -> bool {
        true
    }
}
