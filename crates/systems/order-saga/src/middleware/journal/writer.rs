//! Appends to the journal from many sagas at once: all that wait share one write and one wait for
//! the disk.

use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinHandle;

use super::folder::Folder;
use super::line::SagaLine;

/// Every saga has at most one line on its way.
const QUEUE_MAX: usize = 4096;

/// Lines of one write.
const BATCH_MAX: usize = 256;

/// Whether a line is durable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum Written {
    Durable,
    /// Nobody knows. The process has to read the journal again, which it does by a restart.
    Unknown,
}

struct Request {
    line: SagaLine,
    written: oneshot::Sender<Written>,
}

/// The near end of the journal.
#[derive(Debug)]
pub(in super::super) struct Journal {
    epoch: u64,
    /// None in the arm without a journal.
    requests: Option<mpsc::Sender<Request>>,
    broken: watch::Receiver<bool>,
}

impl Journal {
    /// A journal in `folder`, and the task that writes it.
    pub(in super::super) fn new(folder: Folder) -> (Self, JoinHandle<()>) {
        let (requests, queue) = mpsc::channel(QUEUE_MAX);
        let (break_it, broken) = watch::channel(false);
        let epoch = folder.epoch();
        // It waits for the disk, which must not hold up the runtime.
        let writer = tokio::task::spawn_blocking(move || write(folder, queue, &break_it));
        (Self { epoch, requests: Some(requests), broken }, writer)
    }

    /// What the control arm has: everything is taken for durable, and nothing is.
    pub(in super::super) fn none() -> Self {
        let (_, broken) = watch::channel(false);
        Self { epoch: 1, requests: None, broken }
    }

    pub(in super::super) fn epoch(&self) -> u64 {
        self.epoch
    }

    /// Makes `line` durable.
    pub(in super::super) async fn append(&self, line: SagaLine) -> Written {
        let Some(requests) = &self.requests else { return Written::Durable };
        let (written, is_written) = oneshot::channel();
        if requests.send(Request { line, written }).await.is_err() {
            return Written::Unknown;
        }
        is_written.await.unwrap_or(Written::Unknown)
    }

    /// Completes when the disk has failed.
    pub(in super::super) async fn broken(&self) {
        let mut broken = self.broken.clone();
        if broken.wait_for(|is_broken| *is_broken).await.is_err() {
            // No writer, so it cannot break.
            std::future::pending::<()>().await;
        }
    }
}

fn write(mut folder: Folder, mut queue: mpsc::Receiver<Request>, break_it: &watch::Sender<bool>) {
    let mut batch = Vec::new();
    while let Some(first) = queue.blocking_recv() {
        batch.push(first);
        while batch.len() < BATCH_MAX
            && let Ok(next) = queue.try_recv()
        {
            batch.push(next);
        }
        let lines = batch.iter().map(|request: &Request| request.line.clone()).collect();
        if let Err(error) = folder.append(lines) {
            tracing::error!(%error, "the saga journal cannot be written");
            // Who waits learns by the end of its channel, and nothing is written from now on.
            break_it.send_replace(true);
            return;
        }
        for request in batch.drain(..) {
            // A saga that has gone has no use for it.
            let _ = request.written.send(Written::Durable);
        }
    }
}
