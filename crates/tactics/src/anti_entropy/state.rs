//! The tree as plain data: values come in as digests, messages come in, answers go out.

use std::collections::BTreeMap;
use std::ops::Bound;

use super::digest::Digest;
use super::message::{
    Answer, FAN_OUT, KEYS_MAX, Leaf, Message, MessageError, NODES_MAX, Node, View,
};

/// A million leaves. More would be larger than what they stand for.
const DEPTH_MAX: u8 = 5;
/// Bits of a digest that choose one of [`FAN_OUT`] children.
const BITS: u32 = FAN_OUT.ilog2();

/// The digests of all values that a node has, summed up level by level.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tree<K> {
    depth: u8,
    /// Of each level, root first, the sums of its nodes.
    levels: Vec<Vec<Digest>>,
    leaves: Vec<BTreeMap<K, Digest>>,
}

impl<K: AsRef<[u8]> + Clone + Ord> Tree<K> {
    /// A tree for about `keys` keys, some eight per leaf. All nodes must choose the same.
    pub fn for_keys(keys: usize) -> Self {
        let wanted = (1..DEPTH_MAX).find(|depth| width(*depth) * 8 >= keys);
        Self::new(wanted.unwrap_or(DEPTH_MAX))
    }

    fn new(depth: u8) -> Self {
        let levels = (0..=depth).map(|level| vec![Digest::default(); width(level)]);
        Self { depth, levels: levels.collect(), leaves: vec![BTreeMap::new(); width(depth)] }
    }

    /// Notes what the value of `key` is now; `None` when there is none any more.
    pub fn note(&mut self, key: &K, value: Option<Digest>) {
        let name = Digest::of(key.as_ref());
        let place = name.place(BITS * u32::from(self.depth));
        let before = match value {
            Some(value) => self.leaves[place].insert(key.clone(), value),
            None => self.leaves[place].remove(key),
        };
        let [added, removed] =
            [value, before].map(|value| value.map_or_else(Digest::default, |v| name.with(v)));
        for (level, sums) in self.levels.iter_mut().enumerate() {
            let above = self.depth - u8::try_from(level).unwrap_or(self.depth);
            let sum = &mut sums[place / width(above)];
            *sum = sum.plus(added).minus(removed);
        }
    }

    /// Equal on nodes that have the same.
    pub fn root(&self) -> Digest {
        self.levels[0][0]
    }

    /// Begins a round: to be sent to any other node.
    pub fn begin(&self, turn: u32) -> Message<K> {
        self.message(turn, View::Nodes { level: 0, nodes: vec![self.node(0, 0)] })
    }

    /// Answers a message of another node.
    ///
    /// # Errors
    /// When it does not come from a tree like this one.
    pub fn answer(&self, message: &Message<K>) -> Result<Answer<K>, MessageError> {
        if message.depth != self.depth {
            let (ours, theirs) = (self.depth, message.depth);
            return Err(MessageError::OtherDepth { ours, theirs });
        }
        match &message.view {
            View::Nodes { level, nodes } => {
                let reply = self.descend(message.turn, *level, nodes)?;
                Ok(Answer { reply, repair: Vec::new() })
            }
            View::Leaves(leaves) => {
                Ok(Answer { reply: None, repair: self.compare(message.turn, leaves)? })
            }
        }
    }

    /// Shows what lies below the children that differ, as far as one message can hold it.
    fn descend(
        &self,
        turn: u32,
        level: u8,
        nodes: &[Node],
    ) -> Result<Option<Message<K>>, MessageError> {
        let is_here = |node: &Node| usize_of(node.place) < width(level);
        if level >= self.depth || nodes.len() > NODES_MAX || !nodes.iter().all(is_here) {
            return Err(MessageError::Malformed);
        }
        let mut differing = Vec::new();
        for node in nodes {
            let first = usize_of(node.place) * FAN_OUT;
            let ours = &self.levels[usize::from(level) + 1][first..first + FAN_OUT];
            let pairs = ours.iter().zip(&node.children).enumerate();
            differing.extend(
                pairs.filter(|(_, (ours, theirs))| ours != theirs).map(|(child, _)| first + child),
            );
        }
        let are_leaves = level + 1 == self.depth;
        // A leaf is shorter than an inner node, and where all differ there is one key in each.
        let count = if are_leaves { KEYS_MAX } else { NODES_MAX };
        let places = window(&differing, draw(turn, level), count);
        let view = match are_leaves {
            true => View::Leaves(self.leaves(turn, &places)),
            false => {
                let nodes = places.iter().map(|place| self.node(level + 1, *place)).collect();
                View::Nodes { level: level + 1, nodes }
            }
        };
        Ok((!places.is_empty()).then(|| self.message(turn, view)))
    }

    /// Shows the keys of leaves. Where there are too many, a window on them that moves with the
    /// turn; within it, what is not shown is not there.
    fn leaves(&self, turn: u32, places: &[usize]) -> Vec<Leaf<K>> {
        let mut room = KEYS_MAX;
        let mut leaves = Vec::new();
        // Full leaves leave no room for those behind them: another one comes first each time.
        let first = draw(turn, self.depth + 2) % places.len().max(1);
        for place in places[first..].iter().chain(&places[..first]) {
            let held = &self.leaves[*place];
            if room == 0 {
                break;
            }
            let windows = held.len().div_ceil(room).max(1);
            let start = draw(turn, self.depth) % windows * room;
            let shown = || held.iter().skip(start).take(room);
            let after = start.checked_sub(1).and_then(|before| held.keys().nth(before));
            let through = if start + room < held.len() { shown().last() } else { None };
            let entries: Vec<(K, Digest)> =
                shown().map(|(key, value)| (key.clone(), *value)).collect();
            room -= entries.len();
            leaves.push(Leaf {
                place: u32_of(*place),
                after: after.cloned(),
                through: through.map(|(key, _)| key.clone()),
                entries,
            });
        }
        leaves
    }

    /// Keys that are not the same here.
    fn compare(&self, turn: u32, leaves: &[Leaf<K>]) -> Result<Vec<K>, MessageError> {
        let is_here = |leaf: &Leaf<K>| usize_of(leaf.place) < self.leaves.len();
        let shown: usize = leaves.iter().map(|leaf| leaf.entries.len()).sum();
        if shown > KEYS_MAX || leaves.len() > KEYS_MAX || !leaves.iter().all(is_here) {
            return Err(MessageError::Malformed);
        }
        let mut differing = Vec::new();
        for leaf in leaves {
            let ours = &self.leaves[usize_of(leaf.place)];
            let theirs: BTreeMap<&K, Digest> =
                leaf.entries.iter().map(|(key, value)| (key, *value)).collect();
            let is_shown = |key: &K| {
                leaf.after.as_ref().is_none_or(|after| key > after)
                    && leaf.through.as_ref().is_none_or(|through| key <= through)
            };
            let from = leaf.after.as_ref().map_or(Bound::Unbounded, Bound::Excluded);
            let ours_shown = ours.range((from, Bound::Unbounded));
            for (key, value) in ours_shown.take_while(|(key, _)| is_shown(key)) {
                if theirs.get(key) != Some(value) {
                    differing.push(key.clone());
                }
            }
            let lacking = theirs.keys().filter(|key| !ours.contains_key(**key));
            differing.extend(lacking.map(|key| (*key).clone()));
        }
        Ok(window(&differing, draw(turn, self.depth + 1), KEYS_MAX))
    }

    fn node(&self, level: u8, place: usize) -> Node {
        let below = &self.levels[usize::from(level) + 1];
        let children = std::array::from_fn(|child| below[place * FAN_OUT + child]);
        Node { place: u32_of(place), children }
    }

    fn message(&self, turn: u32, view: View<K>) -> Message<K> {
        Message { depth: self.depth, turn, view }
    }
}

/// Nodes of a level.
fn width(level: u8) -> usize {
    FAN_OUT.pow(u32::from(level))
}

/// At most `count` of them, other ones with each draw, so that none waits for ever behind others
/// that differ again and again.
fn window<T: Clone>(all: &[T], draw: usize, count: usize) -> Vec<T> {
    let windows = all.len().div_ceil(count).max(1);
    all.iter().skip(draw % windows * count).take(count).cloned().collect()
}

/// A number for each turn and level. Were it the turn itself, windows of two levels would move in
/// step, and some pairs of them never come up.
fn draw(turn: u32, level: u8) -> usize {
    let mixed = (turn ^ u32::from(level).wrapping_mul(0x9e37_79b9)).wrapping_mul(0x85eb_ca6b);
    let mixed = (mixed ^ (mixed >> 13)).wrapping_mul(0xc2b2_ae35);
    usize_of(mixed ^ (mixed >> 16))
}

fn usize_of(place: u32) -> usize {
    usize::try_from(place).unwrap_or(usize::MAX)
}

fn u32_of(place: usize) -> u32 {
    u32::try_from(place).unwrap_or(u32::MAX)
}
