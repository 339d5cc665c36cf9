//! One breaker for each of many keys: a shard, a host, a tenant that fails does not close the
//! others off. Their number is bounded.

use std::collections::HashMap;
use std::fmt::{Debug, Display};
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError};

use super::options::Options;
use super::outcome::Rejection;
use super::policy::{Policy, PolicyError};
use super::shared::{Permit, SharedBreaker};

/// A call that may not start, and to whom.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{key}`: {rejection}")]
pub struct KeyRejection<K: Debug + Display> {
    /// Whose circuit is open.
    pub key: K,
    /// Why, and when to ask again.
    #[source]
    pub rejection: Rejection,
}

#[derive(Debug)]
struct Inner<K> {
    breakers: HashMap<K, (SharedBreaker, u64)>,
    uses: u64,
}

/// The breakers of many keys. Clones are the same ones.
#[derive(Debug)]
pub struct KeyedBreakers<K> {
    policy: Policy,
    options: Options,
    seed: u64,
    keys_max: usize,
    inner: Arc<Mutex<Inner<K>>>,
}

impl<K> Clone for KeyedBreakers<K> {
    fn clone(&self) -> Self {
        Self { inner: Arc::clone(&self.inner), ..*self }
    }
}

impl<K: Clone + Debug + Display + Eq + Hash> KeyedBreakers<K> {
    /// No breakers yet, and never more than `keys_max`.
    ///
    /// # Errors
    /// When a number of `policy` or `options` makes no sense.
    ///
    /// # Panics
    /// When there could be none.
    pub fn try_new(
        policy: Policy,
        options: Options,
        keys_max: usize,
        seed: u64,
    ) -> Result<Self, PolicyError> {
        assert!(keys_max > 0, "keyed breakers for no key refuse nothing");
        SharedBreaker::try_with(policy, options, seed)?;
        let inner = Arc::new(Mutex::new(Inner { breakers: HashMap::new(), uses: 0 }));
        Ok(Self { policy, options, seed, keys_max, inner })
    }

    /// Asks whether a call to `key` may start now.
    ///
    /// # Errors
    /// When it may not, and when to ask again.
    pub fn try_acquire(&self, key: &K) -> Result<Permit, KeyRejection<K>> {
        let breaker = self.breaker(key);
        breaker.try_acquire().map_err(|rejection| KeyRejection { key: key.clone(), rejection })
    }

    /// The breaker of `key`, made if need be. When there are too many, the one that was used least
    /// recently is forgotten; a closed one if there is any, for it knows the least.
    pub fn breaker(&self, key: &K) -> SharedBreaker {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        inner.uses += 1;
        let uses = inner.uses;
        if let Some((breaker, used)) = inner.breakers.get_mut(key) {
            *used = uses;
            return breaker.clone();
        }
        if inner.breakers.len() >= self.keys_max {
            let oldest = inner
                .breakers
                .iter()
                .min_by_key(|(_, (breaker, used))| (!breaker.is_closed(), *used))
                .map(|(key, _)| key.clone());
            oldest.and_then(|oldest| inner.breakers.remove(&oldest));
        }
        let breaker =
            SharedBreaker::try_with(self.policy, self.options, self.seed.wrapping_add(uses))
                .expect("the policy was checked");
        inner.breakers.insert(key.clone(), (breaker.clone(), uses));
        breaker
    }

    /// How many breakers there are.
    pub fn len(&self) -> usize {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner).breakers.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}
