//! Three nodes and the network between them, by a seeded schedule.

use std::collections::BTreeSet;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use standfast_tactics::cart::ReplicaId;

use super::super::change::Change;
use super::super::content::Deltas;
use super::super::context::CartContext;
use super::super::state::{Carts, Identity, Mode};
use super::oracle::{Added, Known, Oracle};

const NODES: usize = 3;

/// The clock of a test runs a little with each step.
const STEP_MS: u64 = 7;

/// Comparisons after the network is whole; the carts are few, and one for each pair would do.
const ROUNDS_MAX: usize = 12;

/// A node: what it has in memory, what it has logged, and what of the additions has come to it.
struct Node {
    carts: Carts,
    log: Vec<Deltas>,
    known: Known,
    lives: u32,
}

/// Something on its way. It may be lost, come late or twice.
#[derive(Clone)]
struct Message {
    from: usize,
    to: usize,
    deltas: Deltas,
    known: Known,
}

/// A context that a client keeps, and what additions it was shown.
struct Kept {
    cart: String,
    context: CartContext,
    known: Known,
}

pub(super) struct World {
    mode: Mode,
    random: StdRng,
    now_ms: u64,
    nodes: Vec<Node>,
    /// Nodes of one side see each other.
    sides: [u8; NODES],
    messages: Vec<Message>,
    kept: Vec<Kept>,
    oracle: Oracle,
    deaths: u64,
    refused: u64,
}

/// What a schedule did, and what is wrong after it.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Figures {
    pub(super) additions: u64,
    pub(super) removals: u64,
    pub(super) deaths: u64,
    pub(super) refused: u64,
    /// Nodes that have not the same as the first.
    pub(super) differing: u64,
    /// Lines with fewer units than were added and not removed.
    pub(super) lost: u64,
    /// Lines with more.
    pub(super) back: u64,
}

impl Figures {
    pub(super) fn wrong(&self) -> u64 {
        self.differing + self.lost + self.back
    }

    pub(super) fn add(&mut self, other: &Self) {
        self.additions += other.additions;
        self.removals += other.removals;
        self.deaths += other.deaths;
        self.refused += other.refused;
        self.differing += other.differing;
        self.lost += other.lost;
        self.back += other.back;
    }
}

impl Node {
    fn new(mode: Mode, place: usize, lives: u32) -> Self {
        let node = u16::try_from(place + 1).unwrap();
        let replica = ReplicaId { node, incarnation: lives };
        let carts = Carts::new(Identity { mode, replica, carts_max: 100 });
        Self { carts, log: Vec::new(), known: Known::new(), lives }
    }

    fn knows(&mut self, known: &Known) {
        for (cart, events) in known {
            self.known.entry(cart.clone()).or_default().extend(events);
        }
    }
}

impl World {
    pub(super) fn new(mode: Mode, seed: u64) -> Self {
        Self {
            mode,
            random: StdRng::seed_from_u64(seed),
            now_ms: 1_000_000,
            nodes: (0..NODES).map(|place| Node::new(mode, place, 1)).collect(),
            sides: [0; NODES],
            messages: Vec::new(),
            kept: Vec::new(),
            oracle: Oracle::default(),
            deaths: 0,
            refused: 0,
        }
    }

    pub(super) fn step(&mut self) {
        self.now_ms += STEP_MS;
        let at = self.random.random_range(0..NODES);
        match self.random.random_range(0..100) {
            0..=34 => self.put(at, false),
            35..=41 => self.put(at, true),
            42..=53 => self.remove(at),
            54..=58 => self.look(at),
            59..=63 => self.check_out(at),
            64..=66 => self.merge_carts(at),
            67..=86 => self.deliver(),
            87..=90 => self.compare(at),
            91..=93 => self.die(at),
            _ => self.sides = std::array::from_fn(|_| self.random.random_range(0..3)),
        }
    }

    /// The network is whole again, and nodes compare until they agree.
    pub(super) fn heal(&mut self) {
        self.sides = [0; NODES];
        self.messages.clear();
        for round in 0..ROUNDS_MAX {
            let first = self.nodes[0].carts.root();
            if self.nodes.iter().all(|node| node.carts.root() == first) {
                return;
            }
            self.reconcile(round % NODES, (round + 1) % NODES, u32::try_from(round).unwrap());
        }
    }

    pub(super) fn figures(&self) -> Figures {
        let first = &self.nodes[0].carts;
        let differs = |node: &&Node| node.carts.root() != first.root();
        let mut figures = Figures {
            additions: self.oracle.additions(),
            removals: self.oracle.removals,
            deaths: self.deaths,
            refused: self.refused,
            differing: self.nodes.iter().filter(differs).count() as u64,
            ..Figures::default()
        };
        for ((cart, sku), expected) in self.oracle.expected() {
            let actual = first.lines(&cart).get(&sku).copied().unwrap_or(0);
            figures.lost += u64::from(actual < expected);
            figures.back += u64::from(actual > expected);
        }
        figures
    }

    fn put(&mut self, at: usize, is_set: bool) {
        let (cart, sku) = (self.cart(), self.sku());
        let units = self.random.random_range(1..4);
        let change = match is_set {
            true => Change::Set { cart: cart.clone(), sku: sku.clone(), units },
            false => Change::Add { cart: cart.clone(), sku: sku.clone(), units },
        };
        // What was not logged when the node died: nobody was told, and nobody may rely on it.
        let is_logged = is_set || !self.random.random_bool(0.03);
        let members = self.nodes[at].carts.members(&cart);
        let Some(deltas) = self.apply(at, &change) else { return };
        if !is_logged {
            self.die(at);
            return;
        }
        if is_set {
            self.forget(at, &members, Some(&sku));
        }
        let event = self.oracle.add(Added { cart: &cart, sku: &sku, units, is_set });
        self.nodes[at].known.entry(cart.clone()).or_default().insert(event);
        self.tell(at, deltas, [(cart, [event].into())].into());
    }

    fn remove(&mut self, at: usize) {
        let (cart, sku) = (self.cart(), self.sku());
        let members = self.nodes[at].carts.members(&cart);
        let change = Change::Set { cart, sku: sku.clone(), units: 0 };
        let Some(deltas) = self.apply(at, &change) else { return };
        self.forget(at, &members, Some(&sku));
        self.tell(at, deltas, Known::new());
    }

    fn look(&mut self, at: usize) {
        let cart = self.cart();
        let node = &self.nodes[at];
        let context: CartContext = node.carts.show(&cart).context.parse().unwrap();
        self.kept.push(Kept { cart, context, known: node.known.clone() });
    }

    /// The order is told of at any node, also at one that has not seen what was bought.
    fn check_out(&mut self, at: usize) {
        if self.kept.is_empty() {
            return;
        }
        let place = self.random.random_range(0..self.kept.len());
        let Kept { cart, context, known } = self.kept.swap_remove(place);
        let parts: Vec<String> = context.0.keys().cloned().collect();
        let Some(deltas) = self.apply(at, &Change::CheckOut { cart, context }) else { return };
        for part in parts {
            let shown = known.get(&part).cloned().unwrap_or_default();
            self.oracle.remove(&part, None, &shown);
        }
        self.tell(at, deltas, Known::new());
    }

    fn merge_carts(&mut self, at: usize) {
        let (from, into) = (self.cart(), self.cart());
        let Some(deltas) = self.apply(at, &Change::MergeInto { from, into }) else { return };
        self.tell(at, deltas, Known::new());
    }

    /// Takes one message off the network: it arrives, arrives and stays, or is lost.
    fn deliver(&mut self) {
        if self.messages.is_empty() {
            return;
        }
        let place = self.random.random_range(0..self.messages.len());
        let message = self.messages[place].clone();
        let (is_lost, is_repeated) = (self.random.random_bool(0.1), self.random.random_bool(0.1));
        if self.sides[message.from] != self.sides[message.to] {
            return;
        }
        if !is_repeated {
            self.messages.swap_remove(place);
        }
        if !is_lost {
            self.take(message.to, message.deltas, &message.known);
        }
    }

    fn compare(&mut self, at: usize) {
        let other = (at + self.random.random_range(1..NODES)) % NODES;
        if self.sides[at] == self.sides[other] {
            let turn = self.random.random();
            self.reconcile(at, other, turn);
        }
    }

    /// A round as the service has it.
    fn reconcile(&mut self, at: usize, other: usize, turn: u32) {
        let (mut message, mut turns) = (self.nodes[at].carts.begin_round(turn), [other, at]);
        let repair = loop {
            let answer = self.nodes[turns[0]].carts.compare(&message).unwrap();
            let Some(reply) = answer.reply else { break answer.repair };
            (message, turns) = (reply, [turns[1], turns[0]]);
        };
        let wanted: BTreeSet<String> = repair.into_iter().collect();
        let part = |node: &Node| {
            let known = node.known.iter().filter(|(cart, _)| wanted.contains(*cart));
            let known: Known = known.map(|(cart, events)| (cart.clone(), events.clone())).collect();
            (node.carts.pick(&wanted), known)
        };
        let (deltas, known) = part(&self.nodes[at]);
        self.take(other, deltas, &known);
        let (deltas, known) = part(&self.nodes[other]);
        self.take(at, deltas, &known);
    }

    /// Killed: what was logged is there afterwards, and a new life begins.
    fn die(&mut self, at: usize) {
        self.deaths += 1;
        let lives = self.nodes[at].lives + 1;
        let dead = std::mem::replace(&mut self.nodes[at], Node::new(self.mode, at, lives));
        let node = &mut self.nodes[at];
        dead.log.iter().for_each(|deltas| node.carts.restore(deltas));
        (node.log, node.known) = (dead.log, dead.known);
    }

    fn apply(&mut self, at: usize, change: &Change) -> Option<Deltas> {
        let applied = self.nodes[at].carts.apply(change, self.now_ms);
        self.refused += u64::from(applied.is_err());
        applied.ok()
    }

    fn take(&mut self, at: usize, deltas: Deltas, known: &Known) {
        let node = &mut self.nodes[at];
        let merged = node.carts.merge(deltas, self.now_ms);
        assert_eq!((merged.clock_rejects, merged.contradictions), (0, 0));
        node.log.push(merged.news);
        node.knows(known);
    }

    fn forget(&mut self, at: usize, members: &[String], sku: Option<&str>) {
        for member in members {
            let known = self.nodes[at].known.get(member).cloned().unwrap_or_default();
            self.oracle.remove(member, sku, &known);
        }
    }

    fn tell(&mut self, from: usize, deltas: Deltas, known: Known) {
        self.nodes[from].log.push(deltas.clone());
        for to in (0..NODES).filter(|to| *to != from) {
            self.messages.push(Message { from, to, deltas: deltas.clone(), known: known.clone() });
        }
    }

    fn cart(&mut self) -> String {
        format!("basket-{}", self.random.random_range(0..3))
    }

    fn sku(&mut self) -> String {
        format!("sku-{}", self.random.random_range(0..4))
    }
}
