//! What was answered under which `Idempotency-Key`. The newest are kept.
//!
//! A node knows the keys of the changes that it took itself. A client that asks again asks the same
//! node; at another one, which may be cut off from it, the change would be made a second time.

use std::collections::{HashMap, VecDeque};

use serde::{Deserialize, Serialize};

use crate::service::idempotency::IdempotencyKey;

/// Memory of all keys. That is some 100,000 of them: 20 seconds of what one node can do at most,
/// and hours of what a shop has.
const LENGTH_MAX: usize = 64 << 20;

/// Of one key beside its texts: places in a map and in a queue, and what the allocator adds.
const ENTRY_LENGTH: usize = 256;

/// Bytes of a request's hash that are kept.
const HASH_LENGTH: usize = 16;

/// A key, what it was used with, and what was answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Answered {
    pub(super) key: String,
    hash: String,
    /// JSON.
    pub(super) body: String,
}

impl Answered {
    /// The memory that it takes; its key is kept twice.
    fn length(&self) -> usize {
        ENTRY_LENGTH + 2 * self.key.len() + self.hash.len() + self.body.len()
    }

    pub(super) fn new(key: &IdempotencyKey, body: String) -> Self {
        Self { key: key.key.clone(), hash: hash_of(key), body }
    }
}

/// What is known of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Use {
    New,
    /// It was answered so.
    Again {
        body: String,
    },
    /// With another request.
    Different,
}

/// The keys of a node.
#[derive(Debug)]
pub(super) struct Keys {
    known: HashMap<String, Answered>,
    order: VecDeque<String>,
    /// How many stood in `order` before those that do.
    forgotten: u64,
    length: usize,
    length_max: usize,
}

impl Default for Keys {
    fn default() -> Self {
        Self::within(LENGTH_MAX)
    }
}

impl Keys {
    fn within(length_max: usize) -> Self {
        let (known, order) = (HashMap::new(), VecDeque::new());
        Self { known, order, forgotten: 0, length: 0, length_max }
    }

    pub(super) fn find(&self, key: &IdempotencyKey) -> Use {
        match self.known.get(&key.key) {
            None => Use::New,
            Some(answered) if answered.hash == hash_of(key) => {
                Use::Again { body: answered.body.clone() }
            }
            Some(_) => Use::Different,
        }
    }

    pub(super) fn keep(&mut self, answered: Answered) {
        let key = answered.key.clone();
        self.length += answered.length();
        match self.known.insert(key.clone(), answered) {
            None => self.order.push_back(key),
            Some(before) => self.length -= before.length(),
        }
        while self.length > self.length_max
            && let Some(oldest) = self.order.pop_front()
        {
            self.forgotten += 1;
            self.length -= self.known.remove(&oldest).map_or(0, |oldest| oldest.length());
        }
    }

    /// At most `count` of them, the oldest first, from the one at `place` on in the row of all that
    /// there ever were; and the place after them.
    pub(super) fn some(&self, place: u64, count: usize) -> (Vec<Answered>, u64) {
        let from = place.max(self.forgotten);
        let skipped = usize::try_from(from - self.forgotten).unwrap_or(usize::MAX);
        let some = self.order.iter().skip(skipped).take(count);
        let some: Vec<_> = some.filter_map(|key| self.known.get(key)).cloned().collect();
        let next = from + some.len() as u64;
        (some, next)
    }
}

fn hash_of(key: &IdempotencyKey) -> String {
    key.request_hash.iter().take(HASH_LENGTH).map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(name: &str, hash: u8) -> IdempotencyKey {
        IdempotencyKey { key: name.to_owned(), request_hash: vec![hash; 32] }
    }

    #[test]
    fn a_key_is_answered_again_refused_for_something_else_and_forgotten_in_the_end() {
        let mut keys = Keys::default();
        assert_eq!(keys.find(&key("first", 1)), Use::New);
        keys.keep(Answered::new(&key("first", 1), "{}".to_owned()));
        assert_eq!(keys.find(&key("first", 1)), Use::Again { body: "{}".to_owned() });
        assert_eq!(keys.find(&key("first", 2)), Use::Different);
        let mut keys = Keys::within(3 * Answered::new(&key("first", 1), String::new()).length());
        for name in ["first", "other", "third", "other"] {
            keys.keep(Answered::new(&key(name, 1), String::new()));
        }
        assert_ne!(keys.find(&key("first", 1)), Use::New, "there is room for it");
        let names = |(some, next): (Vec<Answered>, u64)| {
            (some.into_iter().map(|answered| answered.key).collect::<Vec<_>>().join(" "), next)
        };
        assert_eq!(names(keys.some(0, 2)), ("first other".to_owned(), 2));
        // A longer answer takes the place of two.
        keys.keep(Answered::new(&key("large", 1), "b".repeat(100)));
        assert_eq!(keys.find(&key("first", 1)), Use::New);
        assert_eq!(keys.find(&key("other", 1)), Use::New);
        assert_eq!(names(keys.some(2, 9)), ("third large".to_owned(), 4), "none is left out");
        assert_eq!(names(keys.some(4, 9)), (String::new(), 4));
    }
}
