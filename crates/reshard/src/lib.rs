//! Moves slots between PostgreSQL shards while they are written to: no row lost, none doubled,
//! writers of the moving slots wait for a bounded moment, others not at all.
//!
//! Read `core` first: it decides, and knows neither sockets nor clocks.

pub mod core;
