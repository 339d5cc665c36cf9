//! Tests of the watchdog's core from outside: single decisions, and a simulated cluster.

mod cluster;
mod decisions;
mod simulation;
