//! One watchdog per database cluster: detects that the primary is gone, proves it, promotes a
//! replica that holds every acknowledged write, switches the router, and brings the old one back.
//!
//! Start with `actuator`: who starts and kills the processes that a watchdog decides about.

pub mod actuator;
