//! The HTTP interface: Toxiproxy's, byte for byte where a client could notice, and below
//! `/standfast/v1/` what only this proxy can do.
//!
//! * `go_json`: JSON as Go reads and writes it; `strict`: the same text read as we want it.
//! * `route`: what a method and a path mean.
//! * `stock`: the operations of Toxiproxy; `ours`: those below `/standfast/v1/`.
//! * `serve`: connections, limits and the end.

pub(crate) mod attributes;
mod body;
pub(crate) mod documents;
pub(crate) mod go_json;
mod ours;
mod respond;
pub(crate) mod route;
mod serve;
mod stock;
pub(crate) mod strict;

pub use serve::{ApiOptions, serve};
