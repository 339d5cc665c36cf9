//! One watchdog per database cluster: detects that the primary is gone, proves it, promotes a
//! replica that holds every acknowledged write, switches the router, and brings the old one back.
//!
//! Read `core` first: it decides, and knows neither sockets nor clocks. `actuator` is who starts and
//! kills the processes that it decides about.

pub mod actuator;
pub mod core;
