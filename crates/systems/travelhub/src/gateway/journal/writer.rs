//! Writes the journal for many requests at once: all that wait share one write and one wait for the
//! disk.

use std::sync::Arc;

use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

use super::folder::Folder;
use super::line::Line;
use super::shelf::Shared;

/// Lines that wait for the disk. Beyond this it is too slow to promise anything.
const QUEUE_MAX: usize = 4096;

/// Lines of one write.
const BATCH_MAX: usize = 256;

/// A line that is to be durable.
#[derive(Debug)]
pub(super) struct Order {
    pub(super) line: Line,
    /// Who waits for that, if anybody.
    pub(super) written: Option<oneshot::Sender<bool>>,
}

/// Starts writing. It ends when the last sender is dropped, with all that was sent.
pub(super) fn start(folder: Folder, shared: Arc<Shared>) -> (mpsc::Sender<Order>, JoinHandle<()>) {
    let (orders, queue) = mpsc::channel(QUEUE_MAX);
    // It waits for the disk, which must not hold up the runtime.
    (orders, tokio::task::spawn_blocking(move || write(folder, queue, &shared)))
}

fn write(mut folder: Folder, mut queue: mpsc::Receiver<Order>, shared: &Shared) {
    let mut batch: Vec<Order> = Vec::new();
    while let Some(first) = queue.blocking_recv() {
        batch.push(first);
        while batch.len() < BATCH_MAX
            && let Ok(next) = queue.try_recv()
        {
            batch.push(next);
        }
        let lines = batch.iter().map(|order| order.line.clone()).collect();
        let appended = folder.append(lines);
        if let Err(error) = &appended {
            tracing::error!(%error, "the journal cannot be written");
        }
        for Order { line, written } in batch.drain(..) {
            if let Line::Taken(stored) = &line {
                shared.written(&stored.key, appended.is_ok());
            }
            // Who asked may have left.
            written.map(|written| written.send(appended.is_ok()));
        }
    }
}
