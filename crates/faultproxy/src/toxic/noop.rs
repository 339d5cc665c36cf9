//! `noop`: nothing at all; it shows that a toxic is there.

use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use super::effect::Effect;
use super::pipe::Pipe;

/// Changes nothing.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Noop {}

impl Effect for Noop {
    fn run(&mut self, pipe: &mut Pipe<'_>) -> Option<Instant> {
        pipe.pass_all();
        None
    }
}
