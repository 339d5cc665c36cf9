//! What a toxic does to one direction of one connection.
//!
//! An effect is made when a connection is hit, and made anew when the toxic is changed or its
//! window closes: what it remembers is never older than its attributes. It holds no bytes, which
//! stay in its input queue, so that a toxic can be taken out of the chain at any moment and nothing
//! is lost.

use std::fmt;

use tokio::time::Instant;

use super::pipe::Pipe;

/// The contract; `README.md` tells it in prose.
pub(crate) trait Effect: fmt::Debug + Send {
    /// Moves from `pipe.input` to `pipe.output` what is due; answers when to look again although
    /// nothing comes in.
    fn run(&mut self, pipe: &mut Pipe<'_>) -> Option<Instant>;

    /// Whether what waits here is under way, and no sign of a receiver that is slow.
    fn is_in_flight(&self) -> bool {
        false
    }

    /// Whether nothing at all arrives, so that no connection could be made either.
    fn is_cut(&self) -> bool {
        false
    }

    /// Whether the connection closes when the toxic is taken away.
    fn closes_when_removed(&self) -> bool {
        false
    }
}
