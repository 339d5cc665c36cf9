//! What other nodes are still to be told. Changes of one cart that wait together are merged into
//! one, and no more carts wait than may: what does not fit is dropped, and found again by
//! anti-entropy.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use super::content::{Content, Deltas};

/// Carts in one message.
const BATCH_MAX: usize = 64;

#[derive(Debug, Default)]
struct Waiting {
    order: VecDeque<String>,
    parts: HashMap<String, Content>,
}

/// What one node is to be told.
#[derive(Debug)]
pub(super) struct Queue {
    carts_max: usize,
    waiting: Mutex<Waiting>,
    came: Notify,
    dropped: AtomicU64,
}

/// A queue for each of the other nodes.
#[derive(Debug)]
pub(super) struct Outbox(Vec<Queue>);

impl Outbox {
    /// For so many nodes, each with room for so many carts.
    pub(super) fn new(peers: usize, carts_max: usize) -> Self {
        Self((0..peers).map(|_| Queue::new(carts_max)).collect())
    }

    /// Has every other node told of `deltas`.
    pub(super) fn offer(&self, deltas: &Deltas) {
        for queue in &self.0 {
            queue.offer(deltas);
        }
    }

    pub(super) fn queue(&self, peer: usize) -> &Queue {
        &self.0[peer]
    }

    /// Carts that wait, and parts that were dropped.
    pub(super) fn figures(&self) -> (usize, u64) {
        let waiting = self.0.iter().map(|queue| queue.waiting().order.len()).sum();
        let dropped = self.0.iter().map(|queue| queue.dropped.load(Ordering::Relaxed)).sum();
        (waiting, dropped)
    }
}

impl Queue {
    fn new(carts_max: usize) -> Self {
        let (waiting, came) = (Mutex::default(), Notify::new());
        Self { carts_max, waiting, came, dropped: AtomicU64::new(0) }
    }

    fn offer(&self, deltas: &Deltas) {
        let mut waiting = self.waiting();
        for (cart, delta) in deltas {
            if let Some(part) = waiting.parts.get_mut(cart) {
                part.merge(delta);
            } else if waiting.order.len() < self.carts_max {
                waiting.order.push_back(cart.clone());
                waiting.parts.insert(cart.clone(), delta.clone());
            } else {
                self.dropped.fetch_add(1, Ordering::Relaxed);
            }
        }
        drop(waiting);
        self.came.notify_one();
    }

    /// The oldest of what waits, once there is anything.
    pub(super) async fn take(&self) -> Deltas {
        loop {
            let batch = self.take_now();
            if !batch.is_empty() {
                return batch;
            }
            self.came.notified().await;
        }
    }

    fn take_now(&self) -> Deltas {
        let mut waiting = self.waiting();
        let count = waiting.order.len().min(BATCH_MAX);
        let carts: Vec<String> = waiting.order.drain(..count).collect();
        let part = |cart: String| waiting.parts.remove(&cart).map(|part| (cart, part));
        carts.into_iter().filter_map(part).collect()
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use standfast_tactics::cart::{Cart, ReplicaId};

    use super::*;

    /// Three additions to one cart, each by itself.
    fn additions() -> Vec<Content> {
        let (by, mut cart) = (ReplicaId { node: 1, incarnation: 1 }, Cart::default());
        let add = |sku: &str| Content::of_lines(cart.add(by, &sku.to_owned(), 1).unwrap());
        ["tea", "milk", "tea"].map(add).into()
    }

    fn of(cart: &str, content: &Content) -> Deltas {
        [(cart.to_owned(), content.clone())].into()
    }

    #[tokio::test]
    async fn changes_of_one_cart_are_told_as_one_and_everybody_is_told() {
        let outbox = Outbox::new(2, 1);
        let parts = additions();
        for part in &parts {
            outbox.offer(&of("a", part));
        }
        let mut whole = Content::default();
        for part in &parts {
            whole.merge(part);
        }
        for peer in 0..2 {
            assert_eq!(outbox.queue(peer).take().await, of("a", &whole));
        }
        assert_eq!(outbox.figures(), (0, 0));
    }

    #[tokio::test]
    async fn what_does_not_fit_is_counted_and_the_rest_is_told_in_order() {
        let outbox = Outbox::new(1, BATCH_MAX + 1);
        let part = &additions()[0];
        for number in 0..BATCH_MAX + 3 {
            outbox.offer(&of(&format!("cart-{number:03}"), part));
        }
        assert_eq!(outbox.figures(), (BATCH_MAX + 1, 2));
        let first = outbox.queue(0).take().await;
        assert_eq!(first.keys().next().map(String::as_str), Some("cart-000"));
        assert_eq!(first.len(), BATCH_MAX);
        assert_eq!(outbox.queue(0).take().await, of(&format!("cart-{BATCH_MAX:03}"), part));
    }
}
