//! Cleans up after supervisors that were killed: their processes, and folders nobody needs.

use standfast_engines::Home;
use standfast_engines::process::{ProcessRecord, reap};

use super::folder::{InstanceFolder, read_json};

/// What was cleaned up.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Swept {
    /// Processes that were still running, as `instance/process`.
    pub reaped: Vec<String>,
    /// Folders of ephemeral instances that were deleted.
    pub deleted: Vec<String>,
}

/// Ends what dead supervisors left in `home`. Instances with a live one are not touched.
///
/// Blocks, as it waits for processes to be gone.
pub fn sweep(home: &Home) -> Swept {
    let mut swept = Swept::default();
    for folder in InstanceFolder::all(home) {
        if !folder.root().join("lock").is_file() {
            continue;
        }
        // Whoever holds the lock lives, or is just coming up.
        let Ok(Some(lock)) = folder.lock() else { continue };
        let reaped = reap_instance(&folder);
        swept.reaped.extend(reaped.iter().map(|name| format!("{}/{name}", folder.name())));
        if folder.record().ok().flatten().is_some_and(|record| record.ephemeral) {
            match folder.delete() {
                Ok(()) => swept.deleted.push(folder.name().to_owned()),
                Err(error) => tracing::warn!(%error, "an ephemeral instance is left"),
            }
        }
        drop(lock);
    }
    if swept != Swept::default() {
        tracing::warn!(reaped = ?swept.reaped, deleted = ?swept.deleted, "cleaned up leftovers");
    }
    swept
}

/// Ends the processes that are written down; the caller holds the lock.
pub(super) fn reap_instance(folder: &InstanceFolder) -> Vec<String> {
    let path = folder.processes_file();
    let records: Vec<ProcessRecord> = match read_json(&path) {
        Ok(records) => records.unwrap_or_default(),
        Err(error) => {
            tracing::warn!(%error, "cannot tell what a dead supervisor left");
            return Vec::new();
        }
    };
    let reaped: Vec<String> = reap(&records).into_iter().map(|record| record.name).collect();
    // They are gone, and the next sweep need not look again.
    drop(std::fs::remove_file(path));
    reaped
}
