//! Hosts of their own: processes that can be cut off from everybody, as a pulled cable would.
//!
//! A network is a switch and some hosts, each of them a network namespace of this machine, joined
//! by virtual cables. One more cable leads to the lab, so that what runs on a host is reached from
//! here at an address of its own. [`Network::cut`] blocks a host's port at the switch: no packet
//! passes either way, and nobody is told. That takes root; [`Network::try_out`] says beforehand
//! whether it works on this machine.

mod error;
mod host;
mod network;
mod program;
mod reach;
mod subnet;

pub use error::HostsError;
pub use host::Host;
pub use network::Network;
