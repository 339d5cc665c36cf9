//! A system that runs: brought up from its template, supervised, asked, broken and taken down.
//!
//! One keeper per process owns that process's state; everybody else sends it orders. Whatever a
//! supervisor that was killed left behind is cleaned up by the next start of anything.

mod actuation;
mod address;
mod application_faults;
mod asked;
mod asking;
mod backoff;
mod build;
mod by_hand;
mod clock;
mod engine_set;
mod events;
mod fault_ports;
mod faults;
mod folder;
mod host_faults;
mod hosts;
pub(crate) mod http;
mod kafka;
mod keeper;
mod leftovers;
mod lifecycle;
mod metrics;
mod network_faults;
mod options;
mod order;
mod plan;
mod ports;
mod provision;
mod readiness;
mod registry;
mod routes;
mod running;
mod service;
mod status;
mod template;
mod unit;

pub use asked::Asked;
pub use backoff::CRASHES_MAX;
pub use clock::Clock;
pub use engine_set::tools_of;
pub use events::{EventSink, LAB, SUPERVISOR};
pub use faults::Healed;
pub use folder::{FolderError, InstanceFolder, InstanceRecord};
pub use http::HttpError;
pub use leftovers::{Swept, sweep};
pub use metrics::{Metrics, ScrapeError};
pub use options::{Network, ProvisionError, ProvisionOptions, Stage};
pub use ports::{PortError, Ports, declared_ports};
pub use running::{Data, Instance, InstanceError, Target};
pub use status::{ProcessSnapshot, ProcessState, Role};
pub use template::TemplateError;
pub use unit::UnitError;

pub(crate) use events::Listener;
pub(crate) use order::{KeeperHandle, Order};
pub(crate) use unit::Unit;
