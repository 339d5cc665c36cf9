//! One direction of one connection: a chain of toxics between what was read and what is written.
//!
//! Pure: callers pass `now`, bytes that came in, and write what comes out.

mod chain;
mod draw;
mod queue;
mod stage;
mod state;
mod tally;

pub use chain::{Chain, Installed};
pub use draw::{Draw, Seed};
pub use queue::{Chunk, End, Queue};
pub use state::{Link, Look};
pub use tally::{Tally, TallySnapshot};
