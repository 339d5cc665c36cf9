//! Appends to the log from many requests at once: all that wait share one write and one wait for
//! the disk. What is durable is then told to the other nodes, whether or not the client is still
//! there.

use std::io;
use std::sync::Arc;

use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinHandle;

use super::super::content::Deltas;
use super::super::outbox::Outbox;
use super::folder::{Folder, SnapshotPlace};
use super::line::Line;

/// More requests wait before they change anything.
const QUEUE_MAX: usize = 1024;

/// Lines of one write.
const BATCH_MAX: usize = 256;

/// What is to be made durable.
#[derive(Debug, Default)]
pub(in super::super) struct Entry {
    /// Nothing, for those who only wait for all that came before.
    pub(in super::super) line: Option<Line>,
    /// What the other nodes are told then.
    pub(in super::super) tell: Option<Deltas>,
}

/// Completes when an entry is durable; with an error when nobody knows whether it is.
pub(in super::super) type Written = oneshot::Receiver<()>;

#[derive(Debug)]
enum Request {
    Append { entry: Entry, written: oneshot::Sender<()> },
    Rotate(oneshot::Sender<SnapshotPlace>),
}

/// The near end of the log.
#[derive(Debug)]
pub(in super::super) struct Journal {
    /// None in the arm that keeps nothing.
    requests: Option<mpsc::Sender<Request>>,
    outbox: Arc<Outbox>,
    state: watch::Receiver<State>,
}

/// How the writer is.
#[derive(Clone, Copy, Debug, Default)]
struct State {
    is_broken: bool,
    log_length: u64,
}

/// The right to append one entry without waiting.
#[derive(Debug)]
pub(in super::super) struct Permit<'a> {
    place: Option<mpsc::Permit<'a, Request>>,
    outbox: &'a Outbox,
}

impl Journal {
    /// A log in `folder`, and the task that writes it.
    pub(in super::super) fn new(folder: Folder, outbox: Arc<Outbox>) -> (Self, JoinHandle<()>) {
        let (requests, queue) = mpsc::channel(QUEUE_MAX);
        let (tell, state) =
            watch::channel(State { is_broken: false, log_length: folder.log_length });
        let telling = Arc::clone(&outbox);
        // It waits for the disk, which must not hold up the runtime.
        let writer = tokio::task::spawn_blocking(move || {
            if let Err(error) = write(folder, queue, &telling, &tell) {
                tracing::error!(%error, "the log of the carts cannot be written");
                // Who waits learns by the end of its channel; nothing is written from now on.
                tell.send_modify(|state| state.is_broken = true);
            }
        });
        (Self { requests: Some(requests), outbox, state }, writer)
    }

    /// What the control arm has: everything is taken for durable, and nothing is.
    pub(in super::super) fn none(outbox: Arc<Outbox>) -> Self {
        let (_, state) = watch::channel(State::default());
        Self { requests: None, outbox, state }
    }

    /// A disk that takes what it is given and never says that it has it; dropping the other end is
    /// its death.
    #[cfg(test)]
    pub(in super::super) fn stuck(outbox: Arc<Outbox>) -> (Self, impl Send) {
        let (requests, queue) = mpsc::channel(QUEUE_MAX);
        let (tell, state) = watch::channel(State::default());
        (Self { requests: Some(requests), outbox, state }, (queue, tell))
    }

    /// Waits until an entry can be appended; nothing when the log is broken.
    pub(in super::super) async fn reserve(&self) -> Option<Permit<'_>> {
        let place = match &self.requests {
            Some(requests) => Some(requests.reserve().await.ok()?),
            None => None,
        };
        Some(Permit { place, outbox: &self.outbox })
    }

    /// Begins another log; answers where a snapshot of what came before belongs.
    pub(in super::super) async fn rotate(&self) -> Option<SnapshotPlace> {
        let (place, placed) = oneshot::channel();
        self.requests.as_ref()?.send(Request::Rotate(place)).await.ok()?;
        placed.await.ok()
    }

    /// Waits until the log is longer than `length`.
    pub(in super::super) async fn longer_than(&self, length: u64) {
        let mut state = self.state.clone();
        if state.wait_for(|state| state.log_length > length).await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    pub(in super::super) fn log_length(&self) -> u64 {
        self.state.borrow().log_length
    }

    pub(in super::super) fn is_broken(&self) -> bool {
        self.state.borrow().is_broken
    }

    /// Completes when the disk has failed.
    pub(in super::super) async fn broken(&self) {
        let mut state = self.state.clone();
        if state.wait_for(|state| state.is_broken).await.is_err() && self.requests.is_none() {
            // No writer, so it cannot break.
            std::future::pending::<()>().await;
        }
    }
}

impl Permit<'_> {
    /// Appends `entry`, behind all that were appended before.
    pub(in super::super) fn append(self, entry: Entry) -> Written {
        let (written, is_written) = oneshot::channel();
        match self.place {
            Some(place) => place.send(Request::Append { entry, written }),
            None => {
                if let Some(deltas) = entry.tell {
                    self.outbox.offer(&deltas);
                }
                // Who does not wait any more has no use for it.
                let _ = written.send(());
            }
        }
        is_written
    }
}

fn write(
    mut folder: Folder,
    mut queue: mpsc::Receiver<Request>,
    outbox: &Outbox,
    state: &watch::Sender<State>,
) -> io::Result<()> {
    let mut batch = Vec::new();
    while let Some(first) = queue.blocking_recv() {
        batch.push(first);
        while batch.len() < BATCH_MAX
            && let Ok(next) = queue.try_recv()
        {
            batch.push(next);
        }
        let lines = batch.iter().filter_map(|request| match request {
            Request::Append { entry, .. } => entry.line.as_ref().map(Line::encode),
            Request::Rotate(_) => None,
        });
        let text: String = lines.collect();
        if !text.is_empty() {
            folder.append(&text)?;
        }
        for request in batch.drain(..) {
            match request {
                Request::Append { entry, written } => {
                    if let Some(deltas) = entry.tell {
                        outbox.offer(&deltas);
                    }
                    // A request that has gone has no use for it.
                    let _ = written.send(());
                }
                Request::Rotate(place) => {
                    let snapshot = folder.rotate()?;
                    note_length(&folder, state);
                    drop(place.send(snapshot));
                }
            }
        }
        note_length(&folder, state);
    }
    Ok(())
}

fn note_length(folder: &Folder, state: &watch::Sender<State>) {
    let length = folder.log_length;
    state.send_if_modified(|state| std::mem::replace(&mut state.log_length, length) != length);
}
