//! Events of an instance that nobody experiments with, kept in its folder.

use std::io::Write;
use std::path::PathBuf;

use standfast_history::Event;
use tokio::sync::mpsc;

use crate::instance::InstanceFolder;

/// A file of this size holds more events than anybody reads; then it is begun anew.
const FILE_BYTES_MAX: u64 = 16 << 20;

/// Where events of an instance are kept, one JSON line each.
pub fn events_file(folder: &InstanceFolder) -> PathBuf {
    folder.root().join("events.jsonl")
}

/// Appends every event, until the last sink is gone.
pub(super) async fn keep(path: PathBuf, mut events: mpsc::Receiver<Event>) {
    while let Some(event) = events.recv().await {
        if let Err(error) = append(&path, &event) {
            tracing::warn!(%error, path = %path.display(), "an event is not kept");
        }
    }
}

fn append(path: &PathBuf, event: &Event) -> std::io::Result<()> {
    let is_full = std::fs::metadata(path).is_ok_and(|file| file.len() > FILE_BYTES_MAX);
    let mut options = std::fs::OpenOptions::new();
    let mut file = if is_full {
        options.write(true).truncate(true).open(path)?
    } else {
        options.create(true).append(true).open(path)?
    };
    let mut line = serde_json::to_vec(event)?;
    line.push(b'\n');
    file.write_all(&line)
}
