//! The flights as tasks, and the wait for them.

use std::future::Future;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout_at};

use super::state::{FlightId, Join, Limits, Role, Table};

/// Landed flights are swept whenever this many have started since the last time.
const SWEEP_EVERY: u32 = 256;

type Answer<V> = watch::Receiver<Option<V>>;

/// Why a caller got no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CoalesceError {
    /// The caller's own deadline passed; the flight goes on.
    #[error("the deadline passed before the shared load ended")]
    Deadline,
    /// The flight ended without an answer: it panicked, or the coalescer was dropped.
    #[error("the shared load ended without an answer")]
    Lost,
    /// Too many different loads are in flight.
    #[error("too many different loads are in flight")]
    Full,
}

/// An answer, and what was done for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shared<V> {
    /// The answer.
    pub value: V,
    /// Whether this caller started the work.
    pub role: Role,
}

#[derive(Debug)]
struct Inner<K, V> {
    table: Table<K, Answer<V>>,
    tasks: JoinSet<()>,
    starts: u32,
}

/// Shares loads between tasks. Clones are the same coalescer; the last one ends all flights.
#[derive(Debug)]
pub struct Coalescer<K, V>(Arc<Mutex<Inner<K, V>>>);

impl<K, V> Clone for Coalescer<K, V> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<K, V> Coalescer<K, V>
where
    K: Clone + Eq + Hash + Send + 'static,
    V: Clone + Send + Sync + 'static,
{
    /// A coalescer without flights.
    pub fn new(limits: Limits) -> Self {
        let table = Table::new(limits);
        Self(Arc::new(Mutex::new(Inner { table, tasks: JoinSet::new(), starts: 0 })))
    }

    /// Gets the answer for `key`: of a flight in the air, of one that landed less than `share_for`
    /// ago, or of `load`. Waits until `deadline`; the flight itself goes on.
    ///
    /// Only an answer for which `may_linger` holds is kept for `share_for`; a failure should not.
    ///
    /// # Errors
    /// When there is no answer in time or at all.
    pub async fn run<F>(
        &self,
        key: K,
        wait: Wait,
        load: impl FnOnce() -> F,
        may_linger: impl FnOnce(&V) -> bool + Send + 'static,
    ) -> Result<Shared<V>, CoalesceError>
    where
        F: Future<Output = V> + Send + 'static,
    {
        let (role, mut answer) = self.join(key, wait.share_for, load, may_linger)?;
        let landed = timeout_at(wait.deadline, answer.wait_for(Option::is_some)).await;
        match landed {
            Ok(Ok(value)) => match value.as_ref() {
                Some(value) => Ok(Shared { value: value.clone(), role }),
                None => Err(CoalesceError::Lost),
            },
            Ok(Err(_)) => Err(CoalesceError::Lost),
            Err(_) => Err(CoalesceError::Deadline),
        }
    }

    fn join<F>(
        &self,
        key: K,
        share_for: Duration,
        load: impl FnOnce() -> F,
        may_linger: impl FnOnce(&V) -> bool + Send + 'static,
    ) -> Result<(Role, Answer<V>), CoalesceError>
    where
        F: Future<Output = V> + Send + 'static,
    {
        let (sender, answer) = watch::channel(None);
        let now = Instant::now();
        let mut inner = self.lock();
        let id = match inner.table.join(key.clone(), answer.clone(), now, share_for) {
            Join::Follow(answer) => return Ok((Role::Followed, answer)),
            Join::Full => return Err(CoalesceError::Full),
            Join::Lead(id) => id,
        };
        while inner.tasks.try_join_next().is_some() {}
        inner.starts += 1;
        if inner.starts >= SWEEP_EVERY {
            inner.starts = 0;
            inner.table.sweep(now);
        }
        // Weak, or a flight would keep the coalescer alive that is to end it.
        let landing = Landing { inner: Arc::downgrade(&self.0), key, id, landed: false };
        let work = load();
        inner.tasks.spawn(async move {
            let value = work.await;
            landing.land(may_linger(&value));
            // Nobody may be waiting any more, which is no failure.
            drop(sender.send(Some(value)));
        });
        Ok((Role::Led, answer))
    }

    /// How many flights are remembered.
    pub fn flights(&self) -> usize {
        self.lock().table.len()
    }

    fn lock(&self) -> MutexGuard<'_, Inner<K, V>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How long a caller waits, and how old an answer it takes.
#[derive(Clone, Copy, Debug)]
pub struct Wait {
    /// The caller gives up at this time.
    pub deadline: Instant,
    /// An answer that landed less than this ago is good enough; zero wants one in the air.
    pub share_for: Duration,
}

/// Takes the flight out of the table however it ends: a panic must not leave a key that everybody
/// waits for.
struct Landing<K: Eq + Hash, V> {
    inner: std::sync::Weak<Mutex<Inner<K, V>>>,
    key: K,
    id: FlightId,
    landed: bool,
}

impl<K: Eq + Hash, V> Landing<K, V> {
    fn land(mut self, may_linger: bool) {
        self.landed = may_linger;
    }
}

impl<K: Eq + Hash, V> Drop for Landing<K, V> {
    fn drop(&mut self) {
        let Some(inner) = self.inner.upgrade() else { return };
        let mut inner = inner.lock().unwrap_or_else(PoisonError::into_inner);
        if self.landed {
            inner.table.land(&self.key, self.id, Instant::now());
        } else {
            inner.table.forget(&self.key, self.id);
        }
    }
}
