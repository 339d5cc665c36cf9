//! Tests of live moves: the core in a simulated pair of shards, and everything on real servers.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod deciding;
mod real;
mod simulation;
