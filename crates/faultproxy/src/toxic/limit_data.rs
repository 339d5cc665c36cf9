//! `limit_data`: the connection closes after so many bytes.

use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use super::effect::Effect;
use super::pipe::Pipe;
use crate::link::End;

/// Closes when the limit is reached.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct LimitData {
    /// Counted from the connection's first byte under this toxic, changes of it or not.
    pub bytes: i64,
}

impl Effect for LimitData {
    fn run(&mut self, pipe: &mut Pipe<'_>) -> Option<Instant> {
        if pipe.input.is_empty() {
            pipe.pass_end();
            return None;
        }
        let limit = u64::try_from(self.bytes).unwrap_or(0);
        let left = limit.saturating_sub(*pipe.passed_bytes);
        pipe.pass(usize::try_from(left).unwrap_or(usize::MAX));
        if *pipe.passed_bytes >= limit {
            pipe.close(End::Close);
        }
        pipe.pass_end();
        None
    }
}
