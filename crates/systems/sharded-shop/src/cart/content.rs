//! What a node has of one cart, and what it sends of a change: both are the same kind of thing, so
//! that a state and a change are merged by one rule, in any order and however often.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use standfast_tactics::anti_entropy::Digest;
use standfast_tactics::cart::Cart;
use standfast_tactics::hlc::Stamp;

/// Parts of several carts that belong together: what a change did, or what is sent of many.
pub(super) type Deltas = BTreeMap<String, Content>;

/// A cart, or the part of one that a change touched.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Content {
    #[serde(default)]
    pub(super) lines: Cart<String>,
    /// The lines as one value, which the last writer sets: the control arm of `dotted-cart`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) document: Option<Document>,
    /// A scalar: of two, the later one is right.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) note: Option<Register>,
    /// The cart whose part it has become.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) merged_into: Option<Register>,
}

/// A text that was written, and when.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Register {
    // The stamp decides. Equal ones with different texts, which only a broken clock gives, are
    // decided by the text: everywhere alike.
    pub(super) stamp: Stamp,
    pub(super) text: String,
}

/// All lines of a cart, as somebody wrote them in one piece.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Document {
    pub(super) stamp: Stamp,
    pub(super) lines: BTreeMap<String, u64>,
}

impl Content {
    /// A part that holds this change of the lines alone.
    pub(super) fn of_lines(lines: Cart<String>) -> Self {
        Self { lines, ..Self::default() }
    }

    /// Takes over what `other` has seen.
    pub(super) fn merge(&mut self, other: &Self) {
        self.lines.merge(&other.lines);
        take_later(&mut self.document, other.document.as_ref());
        take_later(&mut self.note, other.note.as_ref());
        take_later(&mut self.merged_into, other.merged_into.as_ref());
    }

    /// When its scalars were written.
    pub(super) fn stamps(&self) -> impl Iterator<Item = Stamp> {
        let document = self.document.as_ref().map(|document| document.stamp);
        let registers = [self.note.as_ref(), self.merged_into.as_ref()].into_iter().flatten();
        document.into_iter().chain(registers.map(|register| register.stamp))
    }

    /// The same without the scalars whose stamps `is_good` does not let pass.
    pub(super) fn with_stamps(mut self, is_good: impl Fn(Stamp) -> bool) -> Self {
        self.document = self.document.filter(|document| is_good(document.stamp));
        self.note = self.note.filter(|note| is_good(note.stamp));
        self.merged_into = self.merged_into.filter(|merged| is_good(merged.stamp));
        self
    }

    /// Whether both have a scalar of one stamp and not of one value.
    pub(super) fn contradicts(&self, other: &Self) -> bool {
        let differ = |own: &Option<Register>, other: &Option<Register>| match (own, other) {
            (Some(own), Some(other)) => own.stamp == other.stamp && own.text != other.text,
            _ => false,
        };
        differ(&self.note, &other.note) || differ(&self.merged_into, &other.merged_into)
    }

    /// Equal on nodes that have the same of it; and how many bytes it takes.
    pub(super) fn digest(&self) -> (Digest, usize) {
        let json = serde_json::to_vec(self).expect("carts have plain values and no other keys");
        (Digest::of(&json), json.len())
    }
}

fn take_later<T: Clone + Ord>(own: &mut Option<T>, other: Option<&T>) {
    if other > own.as_ref() {
        *own = other.cloned();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn note(wall_ms: u64, node: u16, text: &str) -> Content {
        let stamp = Stamp { wall_ms, count: 0, node };
        let note = Some(Register { stamp, text: text.to_owned() });
        Content { note, ..Content::default() }
    }

    #[test]
    fn the_later_scalar_is_right_whichever_comes_first() {
        let (early, late, same) = (note(5, 2, "old"), note(6, 1, "new"), note(6, 1, "other"));
        for order in [[&early, &late, &same], [&same, &late, &early], [&late, &early, &same]] {
            let mut content = Content::default();
            for part in order {
                content.merge(part);
            }
            assert_eq!(content, same, "of equal stamps, one text everywhere");
        }
        assert!(late.contradicts(&same) && !late.contradicts(&early) && !late.contradicts(&late));
    }

    #[test]
    fn a_content_comes_back_as_it_was_and_its_digest_tells_it_from_others() {
        let content = note(5, 2, "ring twice");
        let json = serde_json::to_string(&content).unwrap();
        assert_eq!(serde_json::from_str::<Content>(&json).unwrap(), content);
        assert_eq!(content.digest().1, json.len());
        assert_ne!(content.digest(), note(5, 2, "ring once").digest());
        assert_eq!(content.clone().with_stamps(|stamp| stamp.wall_ms < 5), Content::default());
    }
}
