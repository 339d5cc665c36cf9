//! Hybrid logical clocks: stamps near to the wall clock that never contradict cause and effect.
//!
//! **Why.** "The last write wins" needs to know which was last. Wall clocks of two nodes differ, so
//! that an answer could be stamped before the question; logical clocks say nothing to people. A
//! hybrid stamp is the wall clock's millisecond, pushed forward by what was heard of others, and a
//! count for what happens within one.
//!
//! **When to use.** For values that may simply be overwritten: an address, a note.
//!
//! **When not.** Where two changes at the same time must both count. A stamp puts one of them last,
//! and the other is lost: see [`cart`](crate::cart).
//!
//! **What it costs.** 14 bytes for each value. A node whose clock runs ahead would drag all others
//! along, so that such stamps are refused; that node is then cut off until its clock is set.
//!
//! ```
//! use standfast_tactics::hlc::HybridClock;
//!
//! let mut slow = HybridClock::new(1);
//! let mut fast = HybridClock::new(2);
//! let question = fast.tick(5_040);
//! slow.observe(question, 5_000)?;
//! assert!(slow.tick(5_001) > question, "an answer is later, whatever the wall clock says");
//! assert!(slow.observe(fast.tick(9_000), 5_002).is_err(), "four seconds ahead");
//! # Ok::<(), standfast_tactics::hlc::ClockAhead>(())
//! ```
//!
//! Source: Kulkarni, Demirbas et al., "Logical Physical Clocks" (2014).

mod state;

pub use state::{AHEAD_MAX, ClockAhead, HybridClock, Stamp};
