//! One process of an upstream, and the connections to it that are kept.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Waker};

use super::connection::{ConnectError, Connection};
use crate::service::peer::PeerAddress;

/// More idle connections than this are closed: a burst is over.
const IDLE_MAX: usize = 128;

#[derive(Debug)]
pub(in super::super) struct Instance {
    pub(super) address: PeerAddress,
    idle: Mutex<Vec<Connection>>,
    calling: AtomicUsize,
}

impl Instance {
    pub(super) fn new(address: PeerAddress) -> Self {
        Self { address, idle: Mutex::default(), calling: AtomicUsize::new(0) }
    }

    /// Counts a call until what this returns is dropped.
    pub(super) fn begin(self: &Arc<Self>) -> Calling {
        self.calling.fetch_add(1, Ordering::Relaxed);
        Calling(Arc::clone(self))
    }

    /// Calls that are out.
    pub(in super::super) fn calling(&self) -> usize {
        self.calling.load(Ordering::Relaxed)
    }

    /// Connections that are kept.
    pub(in super::super) fn idle(&self) -> usize {
        self.lock().len()
    }

    /// The connection that was used last: it is the least likely to have been closed meanwhile.
    pub(super) fn take_idle(&self) -> Option<Connection> {
        loop {
            let mut connection = self.lock().pop()?;
            // Only a look: whoever uses it is woken by it later.
            if connection.is_ready(&mut Context::from_waker(Waker::noop())) {
                return Some(connection);
            }
        }
    }

    pub(super) async fn open(&self) -> Result<Connection, ConnectError> {
        Connection::open(self.address.authority()).await
    }

    /// Takes a connection back whose answer has been read to its end.
    pub(super) fn keep(&self, mut connection: Connection) {
        if connection.is_ready(&mut Context::from_waker(Waker::noop())) {
            let mut idle = self.lock();
            if idle.len() < IDLE_MAX {
                idle.push(connection);
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Connection>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A call that is out.
#[derive(Debug)]
pub(super) struct Calling(Arc<Instance>);

impl Calling {
    pub(super) fn instance(&self) -> &Instance {
        &self.0
    }
}

impl Drop for Calling {
    fn drop(&mut self) {
        self.0.calling.fetch_sub(1, Ordering::Relaxed);
    }
}
