//! Why there are no hosts, or why one cannot be cut off.

use std::io;

use crate::process::{Exit, ProcessError};

#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HostsError {
    #[error("hosts of their own need root, and we are not: run standfast as root")]
    NotRoot,
    #[error("hosts of their own need the program `ip`: `apt-get install iproute2` brings it")]
    NoProgram,
    #[error("hosts of their own need network namespaces, which this machine or container forbids")]
    NoNamespaces(#[source] io::Error),
    #[error("no private range of addresses is free on this machine, see `ip route`")]
    NoSubnet,
    #[error("cannot read the routes of this machine")]
    Routes(#[source] io::Error),
    #[error("a network of {count} hosts is too large, {max} are the limit")]
    TooMany { count: usize, max: usize },
    #[error("host `{host}` is there twice")]
    Twice { host: String },
    #[error("there is no host `{host}`, there are {known}")]
    Unknown { host: String, known: String },
    #[error("`ip` could not {action}, it {exit}:\n{complaint}")]
    Refused { action: String, exit: Exit, complaint: String },
    #[error("host `{host}` cannot be reached at {address}: does a firewall stand in between?")]
    Unreachable { host: String, address: std::net::Ipv4Addr },
    #[error("host `{host}` still answers at {address} although it was cut off")]
    StillReachable { host: String, address: std::net::Ipv4Addr },
    #[error(transparent)]
    Process(#[from] ProcessError),
}

impl HostsError {
    /// Whether this machine cannot have hosts of their own at all, as things stand: no rights, no
    /// program, or a kernel without virtual cables or switches.
    pub fn is_lack(&self) -> bool {
        const LACKS: [&str; 3] = ["not permitted", "not supported", "Unknown device type"];
        match self {
            Self::NotRoot | Self::NoProgram | Self::NoNamespaces(_) => true,
            Self::Refused { complaint, .. } => LACKS.iter().any(|lack| complaint.contains(lack)),
            Self::NoSubnet
            | Self::Routes(_)
            | Self::TooMany { .. }
            | Self::Twice { .. }
            | Self::Unknown { .. }
            | Self::Unreachable { .. }
            | Self::StillReachable { .. }
            | Self::Process(_) => false,
        }
    }
}
