//! The binary as a user starts it, on real engines, broken in every way that must leave nothing.

mod brokers;
mod cli;
mod example;
mod hosts;
mod http;
mod killed;
mod lifecycle;
mod network;
mod past;
mod place;
mod processes;
mod program;
mod service_faults;
mod soak;
mod soak_history;
mod soak_victim;
mod stalled;
mod stock;
mod system;
mod terminal;
mod voted;
mod voted_errors;
mod voted_log;
mod voted_monitor;
mod voted_outbox;
mod voted_snapshot;
