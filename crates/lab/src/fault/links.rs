//! What network faults share: toxics are put on the links of an instance, taken over by every
//! connection, and taken away again with an account of what came to them.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use standfast_faultproxy::toxic::{Toxic, ToxicKind};
use standfast_faultproxy::{FaultProxy, ProxyError};
use tokio::time::Instant;

use super::error::FaultError;
use super::kind::{Fault, FaultKind};
use crate::spec::Edge;

/// A connection takes new toxics over the next time its thread looks at it, which takes well below
/// a millisecond; only a machine that stands still needs longer.
const ADOPTED_WITHIN: Duration = Duration::from_secs(5);

/// Edges that lead through the fault proxy, each through the proxy of its name.
#[derive(Clone, Debug)]
pub(crate) struct Links {
    pub(crate) proxy: FaultProxy,
    pub(crate) edges: BTreeSet<Edge>,
}

/// What came to a fault of links, or inside of a service, while it was in effect.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Hit {
    /// Connections that were open when it began.
    pub connections: u64,
    /// Connections that were opened while it lasted.
    pub attempts: u64,
    /// What was sent on all of them, in the directions that it hits.
    pub bytes: u64,
    /// Connections that it reset when it began.
    pub resets: u64,
    /// Of a fault inside of a service: requests of others than the lab that it met.
    #[serde(default)]
    pub requests: u64,
}

impl Hit {
    /// Whether nobody can have noticed the fault.
    pub fn is_nothing(&self) -> bool {
        (self.attempts, self.bytes, self.resets, self.requests) == (0, 0, 0, 0)
    }
}

/// Links that a fault holds. They are mended when asked, or when nobody knows of it any more.
#[derive(Debug)]
pub(crate) struct BrokenLinks {
    fault: Fault,
    links: Links,
    /// The toxics that hold them: the name of a proxy and that of a toxic on it.
    toxics: Vec<(String, String)>,
    attempts_before: u64,
    connections: u64,
    resets: u64,
    /// What came to it: known when the links are mended.
    hit: Mutex<Option<Hit>>,
}

impl Links {
    /// Links that are whole, held for `fault`.
    pub(super) fn hold(self, fault: &Fault) -> BrokenLinks {
        BrokenLinks {
            fault: fault.clone(),
            attempts_before: self.attempts(),
            links: self,
            toxics: Vec::new(),
            connections: 0,
            resets: 0,
            hit: Mutex::default(),
        }
    }

    /// Puts a toxic on every link, in every direction that `fault` hits, and waits until all live
    /// connections run under it. When that fails, nothing of it stays.
    pub(super) async fn put(
        self,
        fault: &Fault,
        toxic: ToxicKind,
    ) -> Result<BrokenLinks, FaultError> {
        let mut broken = self.hold(fault);
        broken.put(toxic)?;
        broken.connections = broken.adopted().await?;
        Ok(broken)
    }

    fn attempts(&self) -> u64 {
        let views = self.edges.iter().filter_map(|edge| self.proxy.get(&edge.to_string()).ok());
        views.map(|view| view.counters.connections_total + view.counters.connections_refused).sum()
    }
}

impl BrokenLinks {
    pub(super) fn put(&mut self, toxic: ToxicKind) -> Result<(), FaultError> {
        let kind = self.fault.kind;
        for edge in &self.links.edges {
            for direction in self.fault.sides().directions() {
                // Named by the fault, so that the proxy itself refuses the same one twice.
                let toxic =
                    Toxic::new(toxic.clone(), *direction).named(format!("{kind}_{direction}"));
                let placed = (edge.to_string(), toxic.name.clone());
                let added = self.links.proxy.add_toxic(&placed.0, toxic);
                if let Err(ProxyError::ToxicAlreadyExists) = added {
                    return Err(FaultError::AlreadyHeld { target: placed.0, held: kind });
                }
                added.map_err(|source| FaultError::Link { kind, edge: edge.clone(), source })?;
                self.toxics.push(placed);
            }
        }
        Ok(())
    }

    /// Resets every live connection.
    pub(super) fn reset(&mut self) -> Result<(), FaultError> {
        let kind = self.fault.kind;
        for edge in &self.links.edges {
            let reset = self.links.proxy.reset_connections(&edge.to_string());
            let reset =
                reset.map_err(|source| FaultError::Link { kind, edge: edge.clone(), source })?;
            self.resets += reset as u64;
        }
        Ok(())
    }

    /// Waits until every live connection runs under what is there now, and counts them.
    async fn adopted(&self) -> Result<u64, FaultError> {
        let (kind, target) = (self.fault.kind, self.fault.target.as_str());
        let deadline = Instant::now() + ADOPTED_WITHIN;
        let mut connections = 0;
        for edge in &self.links.edges {
            let left = deadline.saturating_duration_since(Instant::now());
            let adoption = self.links.proxy.adopted(&edge.to_string(), left).await;
            let adoption =
                adoption.map_err(|source| FaultError::Link { kind, edge: edge.clone(), source })?;
            if !adoption.is_complete {
                let why = format!(
                    "some of the {} connections of {edge} still run as before after \
                     {ADOPTED_WITHIN:?}",
                    adoption.connections
                );
                return Err(FaultError::no_effect(kind, target, why));
            }
            connections += adoption.connections as u64;
        }
        Ok(connections)
    }

    pub(super) fn resets(&self) -> u64 {
        self.resets
    }

    /// How many links it holds and how many connections they had, in words.
    pub(super) fn extent(&self) -> (String, String) {
        (count(self.links.edges.len() as u64, "link"), count(self.connections, "connection"))
    }

    pub(crate) fn kind(&self) -> FaultKind {
        self.fault.kind
    }

    pub(crate) fn edges(&self) -> &BTreeSet<Edge> {
        &self.links.edges
    }

    /// Whether it holds anything until it is mended.
    pub(crate) fn lasts(&self) -> bool {
        !self.toxics.is_empty()
    }

    pub(crate) fn is_mended(&self) -> bool {
        self.hit.lock().unwrap_or_else(PoisonError::into_inner).is_some()
    }

    /// Takes the fault away at once, and answers what had come to it.
    pub(crate) fn mend(&self) -> Hit {
        let mut hit = self.hit.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(hit) = *hit {
            return hit;
        }
        // Backwards: no answer to what is let through now may still count as held up.
        let removed = self.toxics.iter().rev().map(|(proxy, toxic)| {
            let removed = self.links.proxy.remove_toxic(proxy, toxic);
            removed.inspect_err(|error| tracing::error!(%error, proxy, toxic, "a toxic stays"))
        });
        let bytes = removed.flatten().map(|view| view.tally.bytes).sum();
        let found = Hit {
            connections: self.connections,
            attempts: self.links.attempts().saturating_sub(self.attempts_before),
            bytes,
            resets: self.resets,
            requests: 0,
        };
        *hit = Some(found);
        found
    }

    /// Waits until every connection flows as if the fault had never been there.
    pub(crate) async fn flows(&self) -> Result<(), FaultError> {
        let kind = self.fault.kind;
        self.adopted().await.map(drop).map_err(|error| FaultError::NotRestored {
            kind,
            target: self.fault.target.clone(),
            why: error.to_string(),
        })
    }
}

impl Drop for BrokenLinks {
    fn drop(&mut self) {
        self.mend();
    }
}

/// `1 link`, `2 links`.
pub(super) fn count(number: u64, what: &str) -> String {
    let ending = if number == 1 { "" } else { "s" };
    format!("{number} {what}{ending}")
}
