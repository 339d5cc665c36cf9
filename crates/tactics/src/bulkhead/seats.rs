//! The bulkhead for tasks: waits with a deadline, and gives the place back on drop.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;
use tokio::time::{Instant, timeout_at};

use super::state::{Asked, Limits, Queue, Refused, WaiterId};

#[derive(Debug)]
struct Inner {
    queue: Queue,
    /// A seat travels through the channel, so that one which nobody takes is given back by its
    /// drop.
    waiters: HashMap<WaiterId, oneshot::Sender<Seat>>,
}

/// A bulkhead that many tasks share. Clones are the same bulkhead.
#[derive(Clone, Debug)]
pub struct Bulkhead(Arc<Mutex<Inner>>);

impl Bulkhead {
    /// An empty bulkhead.
    ///
    /// # Panics
    /// When `limits` lets nothing run.
    pub fn new(limits: Limits) -> Self {
        Self(Arc::new(Mutex::new(Inner { queue: Queue::new(limits), waiters: HashMap::new() })))
    }

    /// Waits for a place until `deadline`.
    ///
    /// # Errors
    /// When the queue is full, or no place came free in time, or none would.
    pub async fn enter(&self, deadline: Instant) -> Result<Seat, Refused> {
        let (waiter, arrival) = {
            let mut inner = self.lock();
            match inner.queue.ask(Instant::now(), deadline) {
                Asked::Runs => return Ok(self.seat()),
                Asked::Refused(refused) => return Err(refused),
                Asked::Waits(waiter) => {
                    let (sender, arrival) = oneshot::channel();
                    inner.waiters.insert(waiter, sender);
                    (waiter, arrival)
                }
            }
        };
        let _leave = LeaveQueue { bulkhead: self, waiter };
        match timeout_at(deadline, arrival).await {
            Ok(Ok(seat)) => Ok(seat),
            Ok(Err(_)) | Err(_) => Err(Refused::Deadline),
        }
    }

    /// How many run and how many wait.
    pub fn occupancy(&self) -> (usize, usize) {
        let inner = self.lock();
        (inner.queue.running(), inner.queue.waiting())
    }

    fn seat(&self) -> Seat {
        Seat { bulkhead: self.clone(), since: Instant::now() }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A place. It comes free when this is dropped.
#[derive(Debug)]
pub struct Seat {
    bulkhead: Bulkhead,
    since: Instant,
}

impl Drop for Seat {
    fn drop(&mut self) {
        let next = {
            let mut inner = self.bulkhead.lock();
            let waiter = inner.queue.free(Instant::now(), self.since.elapsed());
            waiter.and_then(|waiter| inner.waiters.remove(&waiter))
        };
        // Outside of the lock: a seat that the waiter no longer wants is dropped right here, and
        // takes the lock again to pass the place on.
        if let Some(sender) = next {
            drop(sender.send(self.bulkhead.seat()));
        }
    }
}

/// Takes a waiter out of the queue when it stops waiting, its task's cancellation included.
struct LeaveQueue<'a> {
    bulkhead: &'a Bulkhead,
    waiter: WaiterId,
}

impl Drop for LeaveQueue<'_> {
    fn drop(&mut self) {
        let mut inner = self.bulkhead.lock();
        inner.queue.leave(self.waiter);
        let _sender = inner.waiters.remove(&self.waiter);
    }
}
