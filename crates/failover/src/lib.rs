//! One watchdog per database cluster: detects that the primary is gone, proves it, promotes a
//! replica that holds every acknowledged write, switches the router, and brings the old one back.
//!
//! Read `core` first: it decides, and knows neither sockets nor clocks. `watchdog` runs it: it
//! looks at databases (`database`) and at the `router`, keeps the `journal`, and has an `actuator`
//! start and kill the processes that the core decides about.

pub mod actuator;
pub mod core;
pub mod database;
pub mod journal;
pub mod router;
pub mod watchdog;
