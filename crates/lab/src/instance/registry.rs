//! Which processes of an instance run, on paper: a later start reads it to end what was left.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use standfast_engines::process::{Child, ProcessRecord};

use super::folder::{InstanceFolder, write_json};

/// Written anew on every change, before anything else happens.
#[derive(Debug)]
pub(crate) struct Registry {
    path: PathBuf,
    running: Mutex<BTreeMap<String, ProcessRecord>>,
}

impl Registry {
    pub(crate) fn new(folder: &InstanceFolder) -> Self {
        Self { path: folder.processes_file(), running: Mutex::default() }
    }

    pub(crate) fn started(&self, child: &Child) {
        self.change(|running| {
            running.insert(child.name().to_owned(), ProcessRecord::from(child));
        });
    }

    pub(crate) fn ended(&self, name: &str) {
        self.change(|running| {
            running.remove(name);
        });
    }

    /// Nothing runs any more.
    pub(crate) fn clear(&self) {
        self.change(BTreeMap::clear);
    }

    pub(crate) fn records(&self) -> Vec<ProcessRecord> {
        let running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        running.values().cloned().collect()
    }

    fn change(&self, change: impl FnOnce(&mut BTreeMap<String, ProcessRecord>)) {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        change(&mut running);
        let records: Vec<&ProcessRecord> = running.values().collect();
        // Supervision goes on without it: the guardian is the first net, this is the last.
        if let Err(error) = write_json(&self.path, &records) {
            tracing::warn!(%error, "cannot write down which processes run");
        }
    }
}
