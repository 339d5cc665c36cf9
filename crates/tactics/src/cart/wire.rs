//! A cart as it is stored and sent: lists instead of maps, so that JSON can hold it as well.
//!
//! Equal carts have equal forms, so that a digest of the form tells whether two nodes agree.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::context::CausalContext;
use super::dot::{COUNTER_MAX, Dot, ReplicaId};
use super::line::{Entry, Kind, Line};
use super::state::{Cart, CartError};

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Wire<K> {
    seen: Vec<(ReplicaId, u64)>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    beyond: Vec<Dot>,
    lines: Vec<(K, Vec<WireEntry>)>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct WireEntry {
    dot: Dot,
    /// Assigned, and not added.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    set: bool,
    units: u32,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    taken: Vec<(Dot, u32)>,
}

impl<K> From<Cart<K>> for Wire<K> {
    fn from(cart: Cart<K>) -> Self {
        let entries = |line: Line| line.entries.into_iter().map(WireEntry::of).collect();
        Self {
            seen: cart.seen.vector().collect(),
            beyond: cart.seen.beyond().collect(),
            lines: cart.lines.into_iter().map(|(item, line)| (item, entries(line))).collect(),
        }
    }
}

impl WireEntry {
    fn of((dot, entry): (Dot, Entry)) -> Self {
        let set = entry.kind == Kind::Assigned;
        Self { dot, set, units: entry.units, taken: entry.taken.into_iter().collect() }
    }
}

impl<K: Ord> TryFrom<Wire<K>> for Cart<K> {
    type Error = CartError;

    fn try_from(wire: Wire<K>) -> Result<Self, CartError> {
        let damaged = |what: String| Err(CartError::Damaged(what));
        let beyond = wire.beyond.iter().map(|dot| (dot.replica, dot.counter));
        let mut named = wire.seen.iter().copied().chain(beyond);
        if let Some((replica, counter)) = named.find(|(_, counter)| *counter > COUNTER_MAX) {
            return damaged(format!("{replica} has made no {counter} changes"));
        }
        let seen = CausalContext::restore(wire.seen, wire.beyond);
        let mut lines: BTreeMap<K, Line> = BTreeMap::new();
        let mut used = std::collections::BTreeSet::new();
        for (item, entries) in wire.lines {
            let mut line = Line::default();
            for WireEntry { dot, set, units, taken } in entries {
                if dot.counter == 0 || !used.insert(dot) {
                    return damaged(format!("change {dot} stands twice, or has no number"));
                }
                let mut known = taken.iter().map(|(taken, _)| *taken).chain([dot]);
                if let Some(unseen) = known.find(|dot| !seen.contains(*dot)) {
                    return damaged(format!("it holds change {unseen}, and has not seen it"));
                }
                let kind = if set { Kind::Assigned } else { Kind::Added };
                let taken = taken.into_iter().collect();
                line.entries.insert(dot, Entry { kind, units, taken });
            }
            let is_empty = line.entries.is_empty();
            if lines.insert(item, line).is_some() || is_empty {
                return damaged("a line is empty, or stands twice".to_owned());
            }
        }
        Ok(Self { lines, seen })
    }
}
