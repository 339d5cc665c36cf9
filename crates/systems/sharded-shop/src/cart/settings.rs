//! What a cart node is told from outside.

use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use super::super::TACTICS;
use super::state::Mode;
use crate::serve::{ServeError, ServeOptions};
use crate::service::environment::Environment;
use crate::service::peer::PeerAddress;

/// Another node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct PeerSettings {
    pub(super) name: String,
    pub(super) address: PeerAddress,
}

/// The checked configuration.
#[derive(Clone, Debug)]
pub(super) struct Settings {
    pub(super) name: String,
    /// Its number among the nodes, which no other one may have.
    pub(super) node: u16,
    pub(super) peers: Vec<PeerSettings>,
    /// Absent when the tactic `cart-journal` is off.
    pub(super) dir: Option<PathBuf>,
    pub(super) mode: Mode,
    pub(super) carts_max: usize,
    /// Carts of which another node may still have to be told.
    pub(super) tell_queue: usize,
    /// How often a node compares what it has with another one's, on the average. Absent when the
    /// tactic `anti-entropy` is off.
    pub(super) reconcile_every: Option<Duration>,
    pub(super) request_budget: Duration,
}

impl Settings {
    pub(super) fn read(
        environment: &Environment<'_>,
        options: &ServeOptions,
    ) -> Result<Self, ServeError> {
        let without = environment.without(TACTICS)?;
        let name = environment.service_name(format!("cart-{}", options.instance));
        let node: u16 = environment.required("NODE")?;
        if node == 0 {
            return Err(ServeError::variable("NODE", "is 0; nodes are numbered from 1"));
        }
        let peers = environment.required_by("PEERS", parse_peers)?;
        let dir = environment.get("CART_DIR").map(PathBuf::from);
        let keeps = !without.contains("cart-journal");
        if keeps && dir.is_none() {
            return Err(ServeError::variable("CART_DIR", "is not set"));
        }
        let every = environment.duration("RECONCILE_EVERY", Duration::from_millis(500))?;
        let is_dotted = !without.contains("dotted-cart");
        Ok(Self {
            name,
            node,
            peers,
            dir: dir.filter(|_| keeps),
            mode: if is_dotted { Mode::Dotted } else { Mode::LastWriter },
            carts_max: environment.number("CARTS_MAX", 100_000)?,
            tell_queue: environment.number("TELL_QUEUE", 1_000)?,
            reconcile_every: (!without.contains("anti-entropy")).then_some(every),
            request_budget: environment.duration("REQUEST_BUDGET", Duration::from_secs(1))?,
        })
    }
}

/// `cart-2=http://host:port,cart-3=…`.
fn parse_peers(text: &str) -> Result<Vec<PeerSettings>, String> {
    let peer = |part: &str| {
        let (name, address) = part.split_once('=').ok_or("a peer is written NAME=URL")?;
        let address = PeerAddress::from_str(address).map_err(|error| error.to_string())?;
        Ok(PeerSettings { name: name.trim().to_owned(), address })
    };
    text.split(',').map(peer).collect()
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    fn read(more: &[(&str, &str)]) -> Result<Settings, ServeError> {
        let usual = [
            ("NODE", "1"),
            ("CART_DIR", "here"),
            ("PEERS", "cart-2=http://127.0.0.1:2,cart-3=http://127.0.0.1:3"),
        ];
        let all: Vec<_> = more.iter().chain(&usual).copied().collect();
        let options = ServeOptions {
            bind: Ipv4Addr::LOCALHOST,
            port: 0,
            instance: "1".to_owned(),
            clock_scale: None,
        };
        Settings::read(&Environment::of(&all), &options)
    }

    #[test]
    fn a_node_has_a_number_peers_and_a_folder() {
        let settings = read(&[]).unwrap();
        assert_eq!((settings.name.as_str(), settings.node), ("cart-1", 1));
        let names: Vec<&str> = settings.peers.iter().map(|peer| peer.name.as_str()).collect();
        assert_eq!(names, ["cart-2", "cart-3"]);
        assert_eq!(settings.mode, Mode::Dotted);
        for wrong in [("NODE", "0"), ("NODE", "x"), ("PEERS", "http://a:1"), ("CART_DIR", "")] {
            let error = read(&[wrong]).unwrap_err().to_string();
            assert!(error.contains(&format!("`{}`", wrong.0)), "{error}");
        }
    }

    #[test]
    fn a_control_arm_switches_off_one_tactic() {
        let without = |name| read(&[("STANDFAST_WITHOUT", name)]).unwrap();
        assert_eq!(without("dotted-cart").mode, Mode::LastWriter);
        assert_eq!(without("anti-entropy").reconcile_every, None);
        assert_eq!(without("cart-journal").dir, None);
        let other = without("failover");
        assert!(other.dir.is_some() && other.reconcile_every.is_some());
    }
}
