//! What a cached copy may be used for: fresh, stale but usable, or nothing.
//!
//! **Why.** A cache in front of a database makes reads cheap, and its old copies are what is left
//! to serve when the database is away. Both need an exact answer to the question how old a copy is
//! and whether a write has overtaken it.
//!
//! **When to use.** Look in the cache; serve what is fresh; else read the origin and keep the
//! answer; and when the origin fails, serve what is stale and say so. Writes commit first and then
//! record their position as the *invalidation*: a copy read before it, or a fill that started
//! before it, is not fresh any more, however the two race.
//!
//! **When not.** For a decision that must be right (stock, payment): a copy is for display.
//!
//! **What it costs.** Answers up to the TTL old when an invalidation is lost; memory; and a cold
//! cache after a flush, against which [`crate::coalesce`] and [`crate::bulkhead`] protect the
//! origin.

mod state;

pub use state::{CachedCopy, Freshness, Policy, PolicyError, StaleBecause};
