//! Who belongs to a cluster, and where each of them listens.
//!
//! A client is sent on to the address that a broker advertises, so a proxy in front of the broker
//! would be left at once. Therefore a broker has one more listener for each edge that leads through
//! a proxy, and advertises the proxy's address there.
//!
//! Kafka wants a different port for each listener. Ours have one port each in a system, so the
//! others are derived from it and listen on another loopback address, where nobody else does.

use std::net::{Ipv4Addr, SocketAddrV4};

use crate::engine::EngineSpec;

/// What a Kafka engine is besides a server with a port. The default stands alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KafkaSpec {
    /// Its number in the cluster; it belongs to its data and never changes.
    pub node: u32,
    /// All members of its cluster, itself included, the same for each; none when it stands alone.
    pub members: Vec<Member>,
    /// Edges that lead through a proxy. All members of a cluster need the same ones in the same
    /// order: through an edge a client is only told of brokers that have it.
    pub edges: Vec<EdgeListener>,
}

/// A broker of a cluster. Address and port may be others at the next start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Member {
    pub node: u32,
    pub address: Ipv4Addr,
    pub port: u16,
}

/// A listener for clients that come through a proxy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EdgeListener {
    /// Whoever uses the edge, for [`EngineSpec::edge_address`].
    pub edge: String,
    /// The proxy, which is where clients are sent on to.
    pub advertised: SocketAddrV4,
}

impl Default for KafkaSpec {
    fn default() -> Self {
        Self { node: 1, members: Vec::new(), edges: Vec::new() }
    }
}

impl EdgeListener {
    /// Where the proxy of the edge with this index finds the broker that listens at `broker`.
    pub fn address(broker: SocketAddrV4, index: usize) -> SocketAddrV4 {
        inner(*broker.ip(), broker.port(), index + 1)
    }
}

/// Where listeners go that have no port of their own in the system: each index has its address.
const INNER: Ipv4Addr = Ipv4Addr::new(127, 0, 9, 92);

impl EngineSpec {
    /// Where the proxy of `edge` finds this broker; `None` when that edge leads through none.
    pub fn edge_address(&self, edge: &str) -> Option<SocketAddrV4> {
        let index = self.kafka.edges.iter().position(|listener| listener.edge == edge)?;
        Some(self.edge_listener(index))
    }

    /// All members of the cluster, also when there is but one.
    pub(super) fn members(&self) -> Vec<Member> {
        if self.kafka.members.is_empty() {
            return vec![Member {
                node: self.kafka.node,
                address: self.address(),
                port: self.port,
            }];
        }
        self.kafka.members.clone()
    }

    /// Its own controller listener.
    pub(super) fn controller(&self) -> SocketAddrV4 {
        inner(self.address(), self.port, 0)
    }

    /// The listener of the edge with this index.
    pub(super) fn edge_listener(&self, index: usize) -> SocketAddrV4 {
        EdgeListener::address(SocketAddrV4::new(self.address(), self.port), index)
    }

    /// Where clients may begin: every broker of the cluster, this one first.
    pub(crate) fn bootstrap_servers(&self) -> String {
        let own = format!("{}:{}", self.address(), self.port);
        let others = self.kafka.members.iter().filter(|member| member.node != self.kafka.node);
        let others = others.map(|member| format!("{}:{}", member.address, member.port));
        std::iter::once(own).chain(others).collect::<Vec<_>>().join(",")
    }
}

impl Member {
    /// Its controller listener.
    pub(super) fn controller(self) -> SocketAddrV4 {
        inner(self.address, self.port, 0)
    }

    /// As `controller.quorum.voters` has it.
    pub(super) fn voter(self) -> String {
        format!("{}@{}", self.node, self.controller())
    }
}

/// The inner listener with this index. Flipping low bits gives one broker a different port for each
/// index, and two brokers on different ports never the same one for one index.
fn inner(address: Ipv4Addr, port: u16, index: usize) -> SocketAddrV4 {
    let index = u8::try_from(index).expect("a broker has a handful of edges");
    let inner = if address.is_loopback() {
        let [first, second, third, fourth] = INNER.octets();
        Ipv4Addr::new(first, second, third, fourth.wrapping_add(index))
    } else {
        address
    };
    SocketAddrV4::new(inner, port ^ (u16::from(index) + 1))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn no_two_listeners_share_an_address() {
        let ports = [9092_u16, 9093, 9094, 9095, 9096];
        let outer = ports.iter().map(|port| SocketAddrV4::new(Ipv4Addr::LOCALHOST, *port));
        let pairs = ports.iter().flat_map(|port| (0..8).map(move |index| (*port, index)));
        let inner = pairs.map(|(port, index)| inner(Ipv4Addr::LOCALHOST, port, index));
        let all: BTreeSet<_> = outer.chain(inner).collect();
        assert_eq!(all.len(), 5 + 5 * 8);
    }

    #[test]
    fn one_broker_has_a_different_port_for_each_listener() {
        let host = Ipv4Addr::new(10, 1, 2, 3);
        let inner: BTreeSet<_> = (0..8).map(|index| inner(host, 9092, index).port()).collect();
        assert_eq!(inner.len(), 8);
        assert!(!inner.contains(&9092));
    }
}
