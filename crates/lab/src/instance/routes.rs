//! The links of an instance that lead through its fault proxy, and those that do not.
//!
//! Each such edge has a listener of its own. Placeholders of the one who connects name it, so that
//! neither side knows; everybody else, the lab's own checks included, connects directly.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddrV4;

use standfast_engines::EdgeListener;
use standfast_faultproxy::{FaultProxy, Options, ProxyDeclaration, ProxyError};

use super::address::Address;
use super::hosts::Hosts;
use super::kafka::clusters;
use super::options::{Network, ProvisionError, ProvisionOptions};
use super::ports::PortPlan;
use crate::fault::FaultError;
use crate::spec::{Edge, System};

/// A port may be taken by somebody else between our look and our listener.
const PORT_TRIES_MAX: usize = 5;

/// Which edges lead through the proxy, and where.
#[derive(Debug, Default)]
pub(crate) struct Routes {
    /// All edges of the instance.
    known: BTreeSet<Edge>,
    /// Whom the lab cannot give other addresses, since it does not start them.
    external: BTreeSet<String>,
    /// All brokers of the cluster of each.
    clusters: BTreeMap<String, Vec<String>>,
    /// The port that stands for the one who is connected to.
    ports: BTreeMap<Edge, u16>,
    /// They decide at which address that is.
    hosts: Hosts,
    /// Absent when nothing leads through it.
    proxy: Option<FaultProxy>,
    /// Held, so that no other instance is given the same ports.
    given: Vec<PortPlan>,
}

impl Routes {
    /// Opens a listener for every edge that `options` want to go through the proxy.
    pub(crate) async fn open(
        system: &System,
        options: &ProvisionOptions,
        own: &PortPlan,
        hosts: &Hosts,
    ) -> Result<Self, ProvisionError> {
        let known = system.edges_given(&options.environment);
        let external = options.external.keys().cloned().collect::<BTreeSet<_>>();
        let clusters = clusters(system);
        let hosts_of_all = hosts.clone();
        let mut routes = Self { known, external, clusters, hosts: hosts_of_all, ..Self::default() };
        let wanted = |edge: &&Edge| match &options.network {
            Network::Direct => false,
            Network::Edges(edges) => edges.contains(edge),
            Network::All => true,
        };
        let edges: BTreeSet<Edge> = routes
            .known
            .iter()
            .filter(|edge| !routes.external.contains(&edge.from))
            .filter(wanted)
            .flat_map(|edge| routes.whole(edge))
            .collect();
        if edges.is_empty() {
            return Ok(routes);
        }
        let proxy = FaultProxy::start(Options { seed: options.seed, ..Options::default() })?;
        for edge in edges.clone() {
            let external = options.external.get(&edge.to).and_then(|url| Address::of_external(url));
            let upstream = match external {
                Some(address) => address.authority(),
                None => {
                    let (host, port) = (hosts.address(&edge.to), own.of(&edge.to));
                    let own = SocketAddrV4::new(host, port.unwrap_or_default());
                    routes.upstream(&edges, &edge, own).to_string()
                }
            };
            routes.add(&proxy, edge, &upstream, own).await?;
        }
        routes.proxy = Some(proxy);
        Ok(routes)
    }

    /// The edges that `edge` stands for. A client of a broker is sent on to the others of its
    /// cluster, so that it must find all of them or none behind listeners. One that runs elsewhere
    /// sends its clients on to itself, and no listener would keep them.
    fn whole(&self, edge: &Edge) -> Vec<Edge> {
        match self.clusters.get(&edge.to) {
            None => vec![edge.clone()],
            Some(brokers) if brokers.iter().any(|broker| self.external.contains(broker)) => {
                Vec::new()
            }
            Some(brokers) => brokers.iter().map(|to| Edge::new(&edge.from, to)).collect(),
        }
    }

    /// Where the proxy connects to for `edge`, which leads to the process that listens at `own`.
    fn upstream(&self, edges: &BTreeSet<Edge>, edge: &Edge, own: SocketAddrV4) -> SocketAddrV4 {
        if !self.clusters.contains_key(&edge.to) {
            return own;
        }
        let mut to_it = edges.iter().filter(|other| other.to == edge.to);
        let index = to_it.position(|other| other == edge);
        EdgeListener::address(own, index.expect("the edge is one of the edges"))
    }

    /// The listeners that lead to a broker, in the order in which [`Self::upstream`] counts them.
    pub(crate) fn to_broker(&self, broker: &str) -> Vec<EdgeListener> {
        let edges = self.ports.iter().filter(|(edge, _)| edge.to == broker);
        let listeners = edges.map(|(edge, port)| EdgeListener {
            edge: edge.from.clone(),
            advertised: self.hosts.lab(*port),
        });
        listeners.collect()
    }

    async fn add(
        &mut self,
        proxy: &FaultProxy,
        edge: Edge,
        upstream: &str,
        own: &PortPlan,
    ) -> Result<(), ProvisionError> {
        let name = edge.to_string();
        for attempt in 1.. {
            let given = own.another(&name)?;
            let port = given.of(&name).unwrap_or_default();
            let declaration = ProxyDeclaration {
                listen: self.hosts.lab(port).to_string(),
                ..ProxyDeclaration::local(&name, upstream)
            };
            match proxy.create(declaration).await {
                Ok(_view) => {
                    self.ports.insert(edge, port);
                    self.given.push(given);
                    return Ok(());
                }
                Err(ProxyError::Bind { .. }) if attempt < PORT_TRIES_MAX => {}
                Err(source) => return Err(ProvisionError::Link { edge, source }),
            }
        }
        Ok(())
    }

    /// Where `from` finds `to`, whose own address is `direct`.
    pub(crate) fn address(&self, from: &str, to: &str, direct: &Address) -> Address {
        let Some(at) = self.listener(from, to) else { return direct.clone() };
        let mut address = direct.through(at);
        if let Some(brokers) = self.clusters.get(to) {
            let others = brokers.iter().filter(|other| *other != to);
            let others = others.filter_map(|other| self.listener(from, other));
            let all: Vec<String> =
                std::iter::once(at).chain(others).map(|at| at.to_string()).collect();
            address.url = all.join(",");
            address.admin_url = Some(address.url.clone());
        }
        address
    }

    /// The listener between both, when there is one.
    pub(crate) fn listener(&self, from: &str, to: &str) -> Option<SocketAddrV4> {
        self.ports.get(&Edge::new(from, to)).map(|port| self.hosts.lab(*port))
    }

    /// All edges of the instance, wherever they lead.
    pub(crate) fn known(&self) -> &BTreeSet<Edge> {
        &self.known
    }

    /// Edges that lead through the proxy, with the port of their listener.
    pub(crate) fn ports(&self) -> &BTreeMap<Edge, u16> {
        &self.ports
    }

    /// Connections that are open on a link.
    pub(crate) fn connections(&self, edge: &Edge) -> u64 {
        let view = self.proxy.as_ref().and_then(|proxy| proxy.get(&edge.to_string()).ok());
        view.map_or(0, |view| view.counters.connections_live)
    }

    /// The proxy that all of `edges` lead through.
    pub(crate) fn proxy(&self, edges: &BTreeSet<Edge>) -> Result<&FaultProxy, FaultError> {
        let stray = edges.iter().find(|edge| !self.ports.contains_key(edge));
        match (stray, &self.proxy) {
            (None, Some(proxy)) => Ok(proxy),
            (stray, _) => {
                let edge = stray.or(edges.first()).expect("a target hits an edge or is refused");
                let why = match self.external.contains(&edge.from) {
                    true => format!("`{}` runs elsewhere", edge.from),
                    false => "the system was brought up with direct links".to_owned(),
                };
                Err(FaultError::NotRouted { edge: edge.clone(), why })
            }
        }
    }
}
