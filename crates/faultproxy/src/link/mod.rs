//! One direction of one connection: a chain of toxics between what was read and what is written.
//!
//! Pure: callers pass `now`, bytes that came in, and write what comes out.

mod chain;
mod draw;
mod queue;
mod stage;
mod state;
mod tally;

#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;

pub use tally::TallySnapshot;

pub(crate) use chain::{Chain, Installed};
pub(crate) use draw::{Draw, Seed};
pub(crate) use queue::{Chunk, End, Queue};
pub(crate) use state::Link;
pub(crate) use tally::Tally;
