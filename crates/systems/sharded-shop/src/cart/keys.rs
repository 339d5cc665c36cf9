//! What was answered under which `Idempotency-Key`. The newest are kept.
//!
//! A node knows the keys of the changes that it took itself. A client that asks again asks the same
//! node; at another one, which may be cut off from it, the change would be made a second time.

use std::collections::{HashMap, VecDeque};

use serde::{Deserialize, Serialize};

use crate::service::idempotency::IdempotencyKey;

/// Keys that are kept: an hour's changes at some five a second.
const KEYS_MAX: usize = 20_000;

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
#[derive(Debug, Default)]
pub(super) struct Keys {
    known: HashMap<String, Answered>,
    order: VecDeque<String>,
}

impl Keys {
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
        if self.known.insert(key.clone(), answered).is_none() {
            self.order.push_back(key);
        }
        while self.order.len() > KEYS_MAX {
            if let Some(oldest) = self.order.pop_front() {
                self.known.remove(&oldest);
            }
        }
    }

    /// All of them, the oldest first.
    pub(super) fn all(&self) -> impl Iterator<Item = &Answered> {
        self.order.iter().filter_map(|key| self.known.get(key))
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
        for number in 1..KEYS_MAX {
            keys.keep(Answered::new(&key(&format!("k{number}"), 1), String::new()));
        }
        assert_ne!(keys.find(&key("first", 1)), Use::New, "there is room for it");
        keys.keep(Answered::new(&key("last", 1), String::new()));
        assert_eq!(keys.find(&key("first", 1)), Use::New);
        assert_eq!(keys.all().count(), KEYS_MAX);
    }
}
