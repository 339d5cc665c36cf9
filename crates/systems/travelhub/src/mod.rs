//! TravelHub: searching, reserving and paying, with parts that may be away, behind or lying.
//! `README.md` beside this folder says what it promises.
//!
//! What clients and services say to each other is in [`wire`]. Each service has a folder of its
//! own, and knows the others by their addresses alone.

mod analytics;
mod cashier;
mod following;
mod gateway;
mod inventory;
mod monitor;
mod payments;
mod reservations;
mod search;
mod web;
mod wire;

pub(crate) use analytics::serve as serve_analytics;
pub(crate) use cashier::serve as serve_cashier;
pub(crate) use gateway::serve as serve_gateway;
pub(crate) use inventory::serve as serve_inventory;
pub(crate) use monitor::serve as serve_monitor;
pub(crate) use payments::serve as serve_payments;
pub(crate) use reservations::serve as serve_reservations;
pub(crate) use search::serve as serve_search;
pub(crate) use web::serve as serve_web;

/// The names that `STANDFAST_WITHOUT` may hold, as in `system.toml`. Every service takes them all,
/// since an arm of an experiment switches a tactic off in the whole system.
const TACTICS: &[&str] = &[
    "breaker",
    "cache",
    "fallback",
    "heartbeat",
    "hedging",
    "isolation",
    "resync",
    "shedding",
    "store-and-forward",
    "voting",
];
