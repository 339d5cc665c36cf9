//! Tests of the watchdog from outside: its core in a simulated cluster.

mod simulation;
