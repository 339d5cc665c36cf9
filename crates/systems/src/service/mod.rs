//! What every service of every system has in common: configuration, the runtime, the server loop,
//! answers, errors, events.

pub(crate) mod answer;
pub(crate) mod database;
pub(crate) mod durable_file;
pub(crate) mod environment;
pub(crate) mod events;
pub(crate) mod fault_layer;
pub(crate) mod guarded;
pub(crate) mod heartbeat;
pub(crate) mod idempotency;
pub(crate) mod metrics;
pub(crate) mod page;
pub(crate) mod peer;
pub(crate) mod problem;
pub(crate) mod runtime;
pub(crate) mod sealed_line;
pub(crate) mod server;
pub(crate) mod sessions;
pub(crate) mod stay_search;
pub(crate) mod watchdog;
