//! One node: carts, what is on its disk, and the tree by which it compares itself with others.

use std::collections::{BTreeMap, BTreeSet};

use standfast_tactics::anti_entropy::{Digest, Tree};
use standfast_tactics::cart::{Cart, LastWriterCart, ReplicaId};
use standfast_tactics::hlc::HybridClock;

use super::oracle::{Change, Item};

/// One cart as a node has it, or a part of one on its way.
#[derive(Clone, Default)]
pub(super) struct Copy {
    pub(super) cart: Cart<Item>,
    pub(super) last_writer: LastWriterCart<Item>,
    /// Which changes are in it. The carts know nothing of this: it is for the oracle.
    pub(super) known: BTreeSet<Change>,
}

pub(super) struct Node {
    pub(super) id: ReplicaId,
    pub(super) copies: BTreeMap<String, Copy>,
    on_disk: BTreeMap<String, Copy>,
    pub(super) tree: Tree<String>,
    pub(super) clock: HybridClock,
    /// How far its wall clock is off.
    pub(super) skew_ms: u64,
}

impl Node {
    pub(super) fn new(node: u16, skew_ms: u64) -> Self {
        Self {
            id: ReplicaId { node, incarnation: 1 },
            copies: BTreeMap::new(),
            on_disk: BTreeMap::new(),
            tree: Tree::for_keys(100),
            clock: HybridClock::new(node),
            skew_ms,
        }
    }

    pub(super) fn copy(&self, cart: &str) -> Copy {
        self.copies.get(cart).cloned().unwrap_or_default()
    }

    pub(super) fn cart(&self, cart: &str) -> Cart<Item> {
        self.copy(cart).cart
    }

    pub(super) fn last_writer(&self, cart: &str) -> LastWriterCart<Item> {
        self.copy(cart).last_writer
    }

    /// A change of its own, which is on disk before anybody hears of it.
    pub(super) fn wrote(&mut self, cart: &str, copy: Copy) {
        self.on_disk.insert(cart.to_owned(), copy.clone());
        self.put(cart, copy);
    }

    /// Takes over a copy, which reaches the disk with the next change of its own: until then it can
    /// be had again from others.
    pub(super) fn merge(&mut self, cart: &str, other: &Copy) {
        let mut copy = self.copy(cart);
        copy.cart.merge(&other.cart);
        copy.last_writer.merge(&other.last_writer);
        copy.known.extend(&other.known);
        self.put(cart, copy);
    }

    /// It dies, and begins again with what is on its disk.
    pub(super) fn restart(&mut self) {
        self.copies = self.on_disk.clone();
        self.tree = Tree::for_keys(100);
        for (cart, copy) in &self.on_disk {
            self.tree.note(cart, Some(digest(copy)));
        }
    }

    fn put(&mut self, cart: &str, copy: Copy) {
        self.tree.note(&cart.to_owned(), Some(digest(&copy)));
        self.copies.insert(cart.to_owned(), copy);
    }
}

fn digest(copy: &Copy) -> Digest {
    let both = serde_json::to_vec(&(&copy.cart, &copy.last_writer));
    Digest::of(&both.unwrap_or_default())
}
