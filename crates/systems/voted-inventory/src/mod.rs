//! Inventory in three replicas behind a voter, fed by one log. `README.md` beside this folder says
//! what it promises.
//!
//! Orders are taken by `orders`, which makes them durable in PostgreSQL and publishes them; the
//! replicas apply the log and are asked through the voter, which the monitor tells whom to trust.

mod inventory;
mod log;
mod monitor;
mod orders;
mod replicas;
mod voter;

pub(crate) use inventory::serve as serve_inventory;
pub(crate) use monitor::serve as serve_monitor;
pub(crate) use orders::serve as serve_orders;
pub(crate) use voter::serve as serve_voter;

/// The names that `STANDFAST_WITHOUT` may hold, as in `system.toml`. Every service takes them all,
/// since an arm of an experiment switches a tactic off in the whole system.
const TACTICS: &[&str] =
    &["circuit-breaker", "detect", "inbox", "outbox", "replication", "snapshot", "vote"];
