//! The network between the nodes, and what happens to it, by a seed.

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use standfast_tactics::anti_entropy::Message;
use standfast_tactics::hlc::Stamp;

use super::node::{Copy, Node};
use super::oracle::{Item, Oracle};

/// What a schedule is made of.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Mix {
    /// Changes are sent as they are made, each by itself; nobody takes single units.
    Deltas,
    /// Units are taken as well, and only whole carts are sent, so that one number says what a node
    /// knew of.
    Takes,
}

#[derive(Clone)]
enum Payload {
    Cart { name: String, copy: Copy, sent: Stamp, wants_answer: bool },
    Tree(Message<String>),
}

#[derive(Clone)]
struct Letter {
    from: usize,
    to: usize,
    payload: Payload,
}

pub(super) struct World {
    pub(super) nodes: Vec<Node>,
    pub(super) oracle: Oracle,
    mix: Mix,
    dice: StdRng,
    letters: Vec<Letter>,
    /// On which side of the partition each node is; all alike when there is none.
    sides: [u8; 3],
    now_ms: u64,
    turn: u32,
}

const CARTS: [&str; 3] = ["ann", "bob", "eve"];
const ITEMS: Item = 3;

impl World {
    pub(super) fn new(seed: u64, mix: Mix) -> Self {
        let mut dice = StdRng::seed_from_u64(seed);
        let nodes = (0..3).map(|node| Node::new(node, dice.random_range(0..200))).collect();
        let (letters, sides) = (Vec::new(), [0; 3]);
        let oracle = Oracle::default();
        Self { nodes, oracle, mix, dice, letters, sides, now_ms: 1_000_000, turn: 0 }
    }

    pub(super) fn lines(&self) -> impl Iterator<Item = (String, Item)> + use<> {
        CARTS.into_iter().flat_map(|cart| (0..ITEMS).map(move |item| (cart.to_owned(), item)))
    }

    pub(super) fn step(&mut self) {
        self.now_ms += self.dice.random_range(0..50);
        match self.dice.random_range(0..100) {
            0..40 => self.change(),
            40..80 => self.deliver(),
            80..88 => {
                let node = self.dice.random_range(0..3);
                self.begin_round(node);
            }
            88..94 => self.sides = std::array::from_fn(|_| self.dice.random_range(0..2)),
            94..97 => self.sides = [0; 3],
            _ => {
                let node = self.dice.random_range(0..3);
                self.nodes[node].restart();
                self.letters.retain(|letter| letter.to != node);
            }
        }
    }

    /// The network works again; nodes compare themselves until none differs.
    pub(super) fn heal(&mut self) {
        self.sides = [0; 3];
        for _ in 0..20 {
            for node in 0..3 {
                self.begin_round(node);
            }
            while !self.letters.is_empty() {
                let index = self.dice.random_range(0..self.letters.len());
                let letter = self.letters.swap_remove(index);
                self.receive(letter);
            }
            let root = self.nodes[0].tree.root();
            if self.nodes.iter().all(|node| node.tree.root() == root) {
                return;
            }
        }
        panic!("twenty rounds of each node have not made them equal");
    }

    /// A client changes a cart at some node, which acknowledges it in any case.
    fn change(&mut self) {
        let index = self.dice.random_range(0..3);
        let cart = CARTS[self.dice.random_range(0..CARTS.len())];
        let (item, units) = (self.dice.random_range(0..ITEMS), self.dice.random_range(1..4));
        let node = &mut self.nodes[index];
        let stamp = node.clock.tick(self.now_ms + node.skew_ms);
        let mut copy = node.copy(cart);
        let quantity = copy.last_writer.quantity(&item);
        let known = copy.known.clone();
        let (delta, change, written) = match self.dice.random_range(0..10) {
            0..5 => {
                let delta = copy.cart.add(node.id, &item, units);
                let more = quantity + u64::from(units);
                (delta.expect("few additions"), self.oracle.add(cart, item, units), more)
            }
            5..7 => {
                let change = self.oracle.set(cart, item, units, known);
                (copy.cart.set(node.id, &item, units), change, u64::from(units))
            }
            7 if self.mix == Mix::Takes => {
                let fewer = quantity.saturating_sub(u64::from(units));
                let change = self.oracle.take(cart, item, units);
                (copy.cart.take(node.id, &item, units), change, fewer)
            }
            _ => (copy.cart.remove(&item), self.oracle.remove(cart, item, known), 0),
        };
        copy.last_writer.set(&item, written, stamp);
        copy.known.insert(change);
        node.wrote(cart, copy.clone());
        let sent = match self.mix {
            Mix::Takes => copy,
            Mix::Deltas => Copy { cart: delta, known: [change].into(), ..copy },
        };
        for to in (0..3).filter(|to| *to != index) {
            let (name, copy) = (cart.to_owned(), sent.clone());
            let payload = Payload::Cart { name, copy, sent: stamp, wants_answer: false };
            self.letters.push(Letter { from: index, to, payload });
        }
    }

    /// Some letter arrives, unless it is lost; it may arrive again.
    fn deliver(&mut self) {
        if self.letters.is_empty() {
            return;
        }
        let index = self.dice.random_range(0..self.letters.len());
        let letter = self.letters.swap_remove(index);
        if self.dice.random_bool(0.1) {
            self.letters.push(letter.clone());
        }
        let is_cut = self.sides[letter.from] != self.sides[letter.to];
        if !is_cut && !self.dice.random_bool(0.2) {
            self.receive(letter);
        }
    }

    fn begin_round(&mut self, from: usize) {
        let to = (from + self.dice.random_range(1..3)) % 3;
        self.turn += 1;
        let payload = Payload::Tree(self.nodes[from].tree.begin(self.turn));
        self.letters.push(Letter { from, to, payload });
    }

    fn receive(&mut self, letter: Letter) {
        let (from, to) = (letter.to, letter.from);
        match letter.payload {
            Payload::Cart { name, copy, sent, wants_answer } => {
                let node = &mut self.nodes[from];
                let heard = node.clock.observe(sent, self.now_ms + node.skew_ms);
                heard.expect("clocks are off by less than what is refused");
                self.nodes[from].merge(&name, &copy);
                if wants_answer {
                    self.send_cart(from, to, name, false);
                }
            }
            Payload::Tree(message) => {
                let answer = self.nodes[from].tree.answer(&message).expect("trees are alike");
                if let Some(reply) = answer.reply {
                    self.letters.push(Letter { from, to, payload: Payload::Tree(reply) });
                }
                for name in answer.repair {
                    self.send_cart(from, to, name, true);
                }
            }
        }
    }

    fn send_cart(&mut self, from: usize, to: usize, name: String, wants_answer: bool) {
        let node = &mut self.nodes[from];
        let (copy, sent) = (node.copy(&name), node.clock.tick(self.now_ms + node.skew_ms));
        let payload = Payload::Cart { name, copy, sent, wants_answer };
        self.letters.push(Letter { from, to, payload });
    }
}
