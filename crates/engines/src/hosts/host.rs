//! One host of a network: a name, an address, and a namespace in which processes run.

use std::io;
use std::net::Ipv4Addr;

use crate::process::{Namespace, PortHolder, holder_of_port, is_port_free_at};

/// Where a process lives that is not on this machine's own network.
#[derive(Clone, Debug)]
pub struct Host {
    pub(super) name: String,
    pub(super) address: Ipv4Addr,
    pub(super) network: String,
    pub(super) namespace: Namespace,
}

impl Host {
    pub fn name(&self) -> &str {
        &self.name
    }

    /// At which its processes are reached, from here and from the other hosts.
    pub fn address(&self) -> Ipv4Addr {
        self.address
    }

    /// All addresses of its network, as `10.213.0.0/24`.
    pub fn network(&self) -> &str {
        &self.network
    }

    pub fn namespace(&self) -> &Namespace {
        &self.namespace
    }

    /// Whether nobody on this host listens on `port`. Ports of different hosts never clash.
    ///
    /// # Errors
    /// When the kernel does not let us look.
    pub fn is_port_free(&self, port: u16) -> io::Result<bool> {
        self.namespace.visit(|| is_port_free_at(self.address, port))
    }

    /// Who on this host listens on `port`.
    ///
    /// # Errors
    /// When the kernel does not let us look.
    pub fn holder_of_port(&self, port: u16) -> io::Result<Option<PortHolder>> {
        self.namespace.visit(|| holder_of_port(port))
    }
}
