//! Which keys are asked for most, in bounded memory.
//!
//! Slots spread *keys* evenly, and not what is asked for: one key that everybody wants makes its
//! shard the bottleneck, and no number of shards helps. Whoever operates the shop has to see that.

mod proposal;
mod state;

pub(in super::super) use state::HotKeys;
