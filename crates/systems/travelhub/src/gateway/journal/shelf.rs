//! Requests that wait for their services, and those that have been delivered, in memory.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{Notify, mpsc, oneshot};

use super::folder::{Folder, Kept};
use super::line::{Line, Settled, Stored};
use super::recent::Recent;
use super::writer::{self, Order};

/// What became of a request that was to be written down.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in super::super) enum Taken {
    /// It is durable, and will be delivered.
    Durable,
    /// It has been delivered.
    Settled(Settled),
    /// The key is that of another request.
    OtherRequest,
    /// As many wait as may.
    Full,
    /// The disk does not take it: nothing is promised.
    NotWritten,
}

/// What is known of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in super::super) enum Known {
    Waits(Stored),
    Settled(Stored, Settled),
}

/// The requests. Clones are the same.
#[derive(Clone, Debug)]
pub(in super::super) struct Shelf {
    shared: Arc<Shared>,
    orders: mpsc::Sender<Order>,
}

#[derive(Debug)]
pub(super) struct Shared {
    inner: Mutex<Inner>,
    waiting_max: usize,
    /// Something has come that can be delivered.
    pub(super) arrived: Notify,
}

#[derive(Debug, Default)]
struct Inner {
    /// Those that are durable, by their turn.
    waiting: BTreeMap<u64, Stored>,
    /// Turns that are being delivered, and whom they concern.
    out: HashMap<u64, String>,
    turns: u64,
    keys: HashMap<String, State>,
    settled: Recent,
    delivered: u64,
}

#[derive(Debug)]
enum State {
    /// On its way to the disk.
    Writing(Stored),
    Waits(u64),
    Settled(Stored, Settled),
}

impl Shelf {
    /// The requests of `folder`, and the task that writes further ones there.
    pub(in super::super) fn new(
        folder: Folder,
        waiting_max: usize,
    ) -> (Self, tokio::task::JoinHandle<()>) {
        let mut inner = Inner::default();
        for kept in folder.kept() {
            inner.restore(kept);
        }
        let (inner, arrived) = (Mutex::new(inner), Notify::new());
        let shared = Arc::new(Shared { inner, waiting_max, arrived });
        shared.arrived.notify_one();
        let (orders, writer) = writer::start(folder, Arc::clone(&shared));
        (Self { shared, orders }, writer)
    }

    /// Writes `request` down, unless it is there already.
    pub(in super::super) async fn take(&self, request: Stored) -> Taken {
        let written = {
            let mut inner = self.shared.lock();
            match inner.keys.get(&request.key) {
                Some(state) => {
                    let first = inner.stored(state);
                    if !first.is_some_and(|first| first.is_same(&request.path, &request.bytes())) {
                        return Taken::OtherRequest;
                    }
                    match state {
                        State::Settled(_, answer) => return Taken::Settled(answer.clone()),
                        State::Waits(_) => return Taken::Durable,
                        // Two at once with one key: who comes second cannot tell yet.
                        State::Writing(_) => return Taken::NotWritten,
                    }
                }
                None if inner.keys.len() - inner.settled.len() >= self.shared.waiting_max => {
                    return Taken::Full;
                }
                None => {}
            }
            let (written, is_written) = oneshot::channel();
            let order = Order { line: Line::Taken(request.clone()), written: Some(written) };
            if self.orders.try_send(order).is_err() {
                return Taken::Full;
            }
            inner.keys.insert(request.key.clone(), State::Writing(request));
            is_written
        };
        match written.await {
            Ok(true) => Taken::Durable,
            Ok(false) | Err(_) => Taken::NotWritten,
        }
    }

    /// What is known of `key`.
    pub(in super::super) fn known(&self, key: &str) -> Option<Known> {
        let inner = self.shared.lock();
        match inner.keys.get(key)? {
            State::Settled(stored, answer) => Some(Known::Settled(stored.clone(), answer.clone())),
            state @ (State::Waits(_) | State::Writing(_)) => {
                inner.stored(state).cloned().map(Known::Waits)
            }
        }
    }

    /// Whether nothing was ever written down that is still known: then nobody need look.
    pub(in super::super) fn is_empty(&self) -> bool {
        self.shared.lock().keys.is_empty()
    }

    /// How many wait, and how many were delivered since the start.
    pub(in super::super) fn counts(&self) -> (usize, u64) {
        let inner = self.shared.lock();
        (inner.waiting.len(), inner.delivered)
    }

    /// Requests that can be delivered at once, the oldest first: of those that concern the same
    /// reservation only the first.
    pub(super) fn due(&self, count_max: usize) -> Vec<(u64, Stored)> {
        let mut inner = self.shared.lock();
        let mut subjects: HashSet<String> = inner.out.values().cloned().collect();
        let mut due = Vec::new();
        for (turn, stored) in &inner.waiting {
            if inner.out.len() + due.len() >= count_max {
                break;
            }
            if !inner.out.contains_key(turn) && subjects.insert(stored.subject().to_owned()) {
                due.push((*turn, stored.clone()));
            }
        }
        for (turn, stored) in &due {
            inner.out.insert(*turn, stored.subject().to_owned());
        }
        due
    }

    /// A delivery came back without a final answer. It goes to the end, so that one which cannot be
    /// delivered keeps nobody back but those who have to wait for it.
    pub(super) fn put_back(&self, turn: u64) {
        let mut inner = self.shared.lock();
        inner.out.remove(&turn);
        let Some(stored) = inner.waiting.remove(&turn) else { return };
        let is_followed = inner.waiting.values().any(|other| other.subject() == stored.subject());
        match is_followed {
            true => drop(inner.waiting.insert(turn, stored)),
            false => inner.wait(stored),
        }
    }

    /// A delivery came to its end. A crash before this is durable delivers once more, which its key
    /// makes harmless.
    pub(super) async fn settle(&self, turn: u64, answer: Settled) {
        let key = {
            let mut inner = self.shared.lock();
            inner.out.remove(&turn);
            let Some(stored) = inner.waiting.remove(&turn) else { return };
            inner.delivered += 1;
            let key = stored.key.clone();
            inner.keep(stored, answer.clone());
            key
        };
        let line = Line::Settled { key, answer };
        // Without a writer the process is about to end.
        let _ = self.orders.send(Order { line, written: None }).await;
    }

    pub(super) async fn arrived(&self) {
        self.shared.arrived.notified().await;
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A request is on the disk, or is not. Said by the writer, since who asked may have left.
    pub(super) fn written(&self, key: &str, is_durable: bool) {
        let mut inner = self.lock();
        if !matches!(inner.keys.get(key), Some(State::Writing(_))) {
            return;
        }
        let Some(State::Writing(stored)) = inner.keys.remove(key) else { return };
        if is_durable {
            inner.wait(stored);
            drop(inner);
            self.arrived.notify_one();
        }
    }
}

impl Inner {
    fn stored<'a>(&'a self, state: &'a State) -> Option<&'a Stored> {
        match state {
            State::Writing(stored) | State::Settled(stored, _) => Some(stored),
            State::Waits(turn) => self.waiting.get(turn),
        }
    }

    fn wait(&mut self, stored: Stored) {
        self.turns += 1;
        self.keys.insert(stored.key.clone(), State::Waits(self.turns));
        self.waiting.insert(self.turns, stored);
    }

    fn keep(&mut self, stored: Stored, answer: Settled) {
        let (key, at) = (stored.key.clone(), answer.at);
        self.keys.insert(key.clone(), State::Settled(stored, answer));
        for forgotten in self.settled.push(key, at) {
            self.keys.remove(&forgotten);
        }
    }

    fn restore(&mut self, kept: &Kept) {
        match &kept.answer {
            None => self.wait(kept.stored.clone()),
            Some(answer) => self.keep(kept.stored.clone(), answer.clone()),
        }
    }
}

#[cfg(test)]
mod tests;
