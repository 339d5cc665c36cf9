//! What a replica tells the log: in order, as long as it takes.
//!
//! A snapshot is only good when everything before it has been told, or a restart would leave orders
//! without the reply. So whoever keeps one puts a mark into the queue and waits for it.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};

use super::super::log::{Appending, Entry, LogError, LogWriter};

/// Entries that are handed over and not yet with the writer.
const QUEUE_MAX: usize = 1024;

/// Entries that the writer has and that are not acknowledged.
const PENDING_MAX: usize = 4096;

/// The writer's queue must have room for all that are pending, twice: those of a producer that was
/// replaced may still be on their way out.
pub(super) const WRITER_QUEUE_MAX: usize = 2 * PENDING_MAX;

/// After a failure that nothing but time heals.
const PAUSE: Duration = Duration::from_millis(100);

/// What is in the queue.
#[derive(Debug)]
enum Item {
    Entry(Entry),
    /// Everything before it is told.
    Mark(oneshot::Sender<()>),
}

/// The near end of the queue.
#[derive(Clone, Debug)]
pub(super) struct Outgoing(mpsc::Sender<Item>);

/// The far end.
#[derive(Debug)]
pub(super) struct Teller {
    queue: mpsc::Receiver<Item>,
    writer: Arc<LogWriter>,
    pending: VecDeque<Pending>,
}

#[derive(Debug)]
enum Pending {
    Entry { entry: Entry, appending: Appending },
    Mark(oneshot::Sender<()>),
}

/// A queue whose far end writes to `writer`.
pub(super) fn queue(writer: LogWriter) -> (Outgoing, Teller) {
    let (sender, queue) = mpsc::channel(QUEUE_MAX);
    let (writer, pending) = (Arc::new(writer), VecDeque::new());
    (Outgoing(sender), Teller { queue, writer, pending })
}

impl Outgoing {
    /// Hands over the first of `entries`, when there is room. Cancel-safe: an entry leaves
    /// `entries` when it is in the queue.
    pub(super) async fn send_first(&self, entries: &mut VecDeque<Entry>) {
        // The far end lives as long as the service.
        let Ok(place) = self.0.reserve().await else { return std::future::pending().await };
        if let Some(entry) = entries.pop_front() {
            place.send(Item::Entry(entry));
        }
    }

    /// Waits until all that was handed over before is told. Whether it is.
    pub(super) async fn told(&self) -> bool {
        let (mark, told) = oneshot::channel();
        self.0.send(Item::Mark(mark)).await.is_ok() && told.await.is_ok()
    }
}

impl Teller {
    /// Tells what comes, until nobody hands over any more.
    pub(super) async fn run(mut self) {
        loop {
            self.settle_marks();
            // Both branches are cancel-safe: an item is received or not, a delivery is kept.
            tokio::select! {
                item = self.queue.recv(), if self.pending.len() < PENDING_MAX => match item {
                    Some(Item::Entry(entry)) => {
                        let appending = append(&self.writer, &entry).await;
                        if let Some(appending) = appending {
                            self.pending.push_back(Pending::Entry { entry, appending });
                        }
                    }
                    Some(Item::Mark(mark)) => self.pending.push_back(Pending::Mark(mark)),
                    None => return,
                },
                result = first(&mut self.pending), if !self.pending.is_empty() => {
                    self.finish(result).await;
                }
            }
        }
    }

    /// Takes the result of the first entry.
    async fn finish(&mut self, result: Result<i64, LogError>) {
        match result {
            Ok(_) => drop(self.pending.pop_front()),
            Err(error @ LogError::Refused(_)) => {
                tracing::error!(%error, "an entry is dropped");
                drop(self.pending.pop_front());
            }
            Err(error) => {
                tracing::warn!(%error, pending = self.pending.len(), "entries are written again");
                self.write_again().await;
            }
        }
    }

    /// All that are pending, since those behind the failed one would come before it. Who reads
    /// replies knows repetitions.
    async fn write_again(&mut self) {
        tokio::time::sleep(PAUSE).await;
        for pending in std::mem::take(&mut self.pending) {
            match pending {
                Pending::Entry { entry, .. } => {
                    if let Some(appending) = append(&self.writer, &entry).await {
                        self.pending.push_back(Pending::Entry { entry, appending });
                    }
                }
                mark @ Pending::Mark(_) => self.pending.push_back(mark),
            }
        }
    }

    /// Answers the marks before which everything is told.
    fn settle_marks(&mut self) {
        while let Some(Pending::Mark(_)) = self.pending.front() {
            if let Some(Pending::Mark(mark)) = self.pending.pop_front() {
                // Who set it may have stopped waiting.
                let _ = mark.send(());
            }
        }
    }
}

/// The result of the first pending entry.
async fn first(pending: &mut VecDeque<Pending>) -> Result<i64, LogError> {
    match pending.front_mut() {
        Some(Pending::Entry { appending, .. }) => appending.await,
        // Marks at the front are settled before.
        Some(Pending::Mark(_)) | None => std::future::pending().await,
    }
}

/// Gives `entry` to the writer, trying for as long as it takes; nothing if it can never be written.
async fn append(writer: &LogWriter, entry: &Entry) -> Option<Appending> {
    loop {
        match writer.append(entry) {
            Ok(appending) => return Some(appending),
            Err(error @ LogError::Refused(_)) => {
                tracing::error!(%error, "an entry is dropped");
                return None;
            }
            Err(error) => {
                tracing::warn!(%error, "an entry waits for the log");
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}
