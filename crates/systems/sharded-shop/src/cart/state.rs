//! All carts of a node as plain data: changes come in from clients and from other nodes, and what
//! they did goes out, to be logged and told. Nothing here waits, and `now_ms` is the caller's.

use std::collections::{BTreeMap, BTreeSet};

use standfast_tactics::anti_entropy::{Answer, Digest, Message, MessageError, Tree};
use standfast_tactics::cart::ReplicaId;
use standfast_tactics::hlc::{HybridClock, Stamp};

use super::content::{Content, Deltas};

/// For how many carts the tree of digests is made; more of them make its leaves longer. All nodes
/// must have the same.
const TREE_FOR: usize = 32_768;

/// How lines of a cart are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    /// Each addition by itself, so that none is lost.
    Dotted,
    /// As one value, of which the last writer's is kept.
    LastWriter,
}

/// Who a node is in this life, and what it may hold.
#[derive(Clone, Copy, Debug)]
pub(super) struct Identity {
    pub(super) mode: Mode,
    pub(super) replica: ReplicaId,
    pub(super) carts_max: usize,
}

/// A cart, and what it is when it is stored: its digest, and how many bytes.
#[derive(Clone, Debug, Default)]
pub(super) struct Held {
    content: Content,
    digest: Digest,
    pub(super) length: usize,
}

/// What came of what another node sent.
#[derive(Clone, Debug, Default)]
pub(super) struct Merged {
    /// Of it, what was not known here.
    pub(super) news: Deltas,
    /// Scalars of the future, which were left out.
    pub(super) clock_rejects: u64,
    /// Scalars of one stamp with different values.
    pub(super) contradictions: u64,
}

/// The carts.
#[derive(Clone, Debug)]
pub(super) struct Carts {
    pub(super) identity: Identity,
    pub(super) held: BTreeMap<String, Held>,
    /// By cart, those that say that they are merged into it.
    pub(super) sources: BTreeMap<String, BTreeSet<String>>,
    clock: HybridClock,
    tree: Tree<String>,
}

impl Carts {
    pub(super) fn new(identity: Identity) -> Self {
        Self {
            identity,
            held: BTreeMap::new(),
            sources: BTreeMap::new(),
            clock: HybridClock::new(identity.replica.node),
            tree: Tree::for_keys(TREE_FOR),
        }
    }

    /// Takes back what this node has stored. Its own stamps are believed, however far ahead they
    /// are: the clock goes on from them.
    pub(super) fn restore(&mut self, deltas: &Deltas) {
        for (cart, delta) in deltas {
            for stamp in delta.stamps() {
                let observed = self.clock.observe(stamp, stamp.wall_ms);
                debug_assert!(observed.is_ok(), "no stamp is ahead of itself");
            }
            self.take_over(cart, delta);
        }
    }

    /// Takes over what another node has sent.
    pub(super) fn merge(&mut self, deltas: Deltas, now_ms: u64) -> Merged {
        let mut merged = Merged::default();
        for (cart, delta) in deltas {
            let (mut clock, mut ahead) = (self.clock, BTreeSet::new());
            for stamp in delta.stamps() {
                if let Err(rejected) = clock.observe(stamp, now_ms) {
                    tracing::warn!(%rejected, cart, "a scalar of the future is left out");
                    ahead.insert(stamp);
                }
            }
            self.clock = clock;
            merged.clock_rejects += ahead.len() as u64;
            let delta = delta.with_stamps(|stamp| !ahead.contains(&stamp));
            if self.content(&cart).is_some_and(|own| own.contradicts(&delta)) {
                merged.contradictions += 1;
                tracing::warn!(cart, "two values have one stamp: is a node's number used twice?");
            }
            if self.take_over(&cart, &delta) {
                merged.news.insert(cart, delta);
            }
        }
        merged
    }

    /// Merges a part of a cart. Whether anything is different now.
    pub(super) fn take_over(&mut self, cart: &str, delta: &Content) -> bool {
        if *delta == Content::default() {
            return false;
        }
        let held = self.held.entry(cart.to_owned()).or_default();
        let before = held.content.merged_into.clone();
        held.content.merge(delta);
        let (digest, length) = held.content.digest();
        let is_changed = held.digest != digest;
        (held.digest, held.length) = (digest, length);
        let target = held.content.merged_into.clone();
        if is_changed {
            self.tree.note(&cart.to_owned(), Some(digest));
        }
        if target != before {
            if let Some(before) = before {
                self.sources.entry(before.text).or_default().remove(cart);
            }
            if let Some(target) = target {
                self.sources.entry(target.text).or_default().insert(cart.to_owned());
            }
        }
        is_changed
    }

    pub(super) fn content(&self, cart: &str) -> Option<&Content> {
        self.held.get(cart).map(|held| &held.content)
    }

    /// Carts after `after`, by name.
    pub(super) fn after(&self, after: &str) -> impl Iterator<Item = (&String, &Content)> {
        let from = (std::ops::Bound::Excluded(after), std::ops::Bound::Unbounded);
        self.held.range::<str, _>(from).map(|(cart, held)| (cart, &held.content))
    }

    /// The cart that `cart` has become a part of. One whose target has itself been merged away
    /// stays what it is: two nodes that do not see each other may merge two carts into each other,
    /// and then none of them may disappear.
    pub(super) fn moved_to(&self, cart: &str) -> Option<&str> {
        let target = self.content(cart)?.merged_into.as_ref()?.text.as_str();
        let is_moved = self.content(target).is_some_and(|target| target.merged_into.is_some());
        (!is_moved).then_some(target)
    }

    /// The carts whose lines are shown under `cart`: itself, and those that are merged into it.
    pub(super) fn members(&self, cart: &str) -> Vec<String> {
        if self.moved_to(cart).is_some() {
            return Vec::new();
        }
        let sources = self.sources.get(cart).into_iter().flatten();
        let sources = sources.filter(|source| self.moved_to(source) == Some(cart));
        [cart.to_owned()].into_iter().chain(sources.cloned()).collect()
    }

    /// A stamp for what is written now.
    pub(super) fn tick(&mut self, now_ms: u64) -> Stamp {
        self.clock.tick(now_ms)
    }

    /// Equal on nodes that have the same.
    pub(super) fn root(&self) -> Digest {
        self.tree.root()
    }

    /// Begins a round of comparing with another node.
    pub(super) fn begin_round(&self, turn: u32) -> Message<String> {
        self.tree.begin(turn)
    }

    /// Answers what another node's tree looks like.
    pub(super) fn compare(
        &self,
        message: &Message<String>,
    ) -> Result<Answer<String>, MessageError> {
        self.tree.answer(message)
    }

    /// What is here of `carts`, whole.
    pub(super) fn pick<'a>(&self, carts: impl IntoIterator<Item = &'a String>) -> Deltas {
        let found = carts
            .into_iter()
            .filter_map(|cart| self.content(cart).map(|content| (cart.clone(), content.clone())));
        found.collect()
    }
}

#[cfg(test)]
mod tests;
