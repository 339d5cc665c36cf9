//! The record on disk: written whole, checked when it is read, and open to one watchdog only.
//!
//! A write goes to a second file, which is synced and renamed over the first, and then the folder
//! is synced: after a crash at any moment there is the old record or the new one, never a torn one.
//! The checksum is for what a disk or a person does to it later: a damaged journal is refused,
//! because a wrong one loses data.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::core::Record;

const FILE: &str = "journal.json";
const NEXT_FILE: &str = "journal.json.next";
const LOCK_FILE: &str = "journal.lock";
const FORMAT: u32 = 1;

/// The journal of one cluster.
#[derive(Debug)]
pub struct Journal {
    folder: PathBuf,
    nodes: Vec<String>,
    /// Locked as long as it is open: two watchdogs never both act.
    _lock: File,
}

/// Why there is no journal to go by.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum JournalError {
    #[error("another watchdog holds {path}")]
    Held { path: PathBuf },
    #[error("cannot {verb} {path}")]
    Io {
        verb: &'static str,
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("{path} is damaged ({problem}): compare with the servers, then move it away")]
    Damaged { path: PathBuf, problem: String },
    #[error("{path} is of the nodes {found:?}, and configured are {configured:?}")]
    OtherNodes { path: PathBuf, found: Vec<String>, configured: Vec<String> },
}

/// What stands in the first line; the second is its checksum.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Content {
    format: u32,
    /// The record counts nodes by their place here.
    nodes: Vec<String>,
    record: Record,
}

impl Journal {
    /// Opens the journal in `folder`, which is made if it is not there, and reads what it says.
    /// `None` is a cluster that no watchdog has begun.
    ///
    /// # Errors
    /// When another process holds it, or when it cannot be relied on.
    pub fn open(folder: &Path, nodes: &[String]) -> Result<(Self, Option<Record>), JournalError> {
        fs::create_dir_all(folder).map_err(io_error("make", folder))?;
        let path = folder.join(LOCK_FILE);
        let lock = File::create(&path).map_err(io_error("open", &path))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(fs::TryLockError::WouldBlock) => return Err(JournalError::Held { path }),
            Err(fs::TryLockError::Error(source)) => return Err(io_error("lock", &path)(source)),
        }
        let journal = Self { folder: folder.to_owned(), nodes: nodes.to_vec(), _lock: lock };
        let record = journal.read()?;
        Ok((journal, record))
    }

    fn read(&self) -> Result<Option<Record>, JournalError> {
        let path = self.folder.join(FILE);
        let text = match fs::read_to_string(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(io_error("read", &path)(error)),
            Ok(text) => text,
        };
        let damaged = |problem: &str| JournalError::Damaged {
            path: path.clone(),
            problem: problem.to_owned(),
        };
        let (line, rest) = text.split_once('\n').ok_or_else(|| damaged("it has no second line"))?;
        if rest.trim_end() != checksum(line) {
            return Err(damaged("its checksum is another"));
        }
        let content: Content =
            serde_json::from_str(line).map_err(|error| damaged(&error.to_string()))?;
        if content.format != FORMAT {
            return Err(damaged(&format!("its format is {}, not {FORMAT}", content.format)));
        }
        if content.nodes != self.nodes {
            let (found, configured) = (content.nodes, self.nodes.clone());
            return Err(JournalError::OtherNodes { path, found, configured });
        }
        Ok(Some(content.record))
    }

    /// Replaces the record. Done means that it survives a crash. After an error the old record or
    /// the new one is on disk: the same write has to be repeated before anything else.
    ///
    /// # Errors
    /// When the disk does not take it.
    pub fn write(&self, record: &Record) -> Result<(), JournalError> {
        let (path, next) = (self.folder.join(FILE), self.folder.join(NEXT_FILE));
        let content = Content { format: FORMAT, nodes: self.nodes.clone(), record: record.clone() };
        let line = serde_json::to_string(&content).expect("our own types have string keys");
        let text = format!("{line}\n{}\n", checksum(&line));
        let mut file = File::create(&next).map_err(io_error("make", &next))?;
        file.write_all(text.as_bytes()).map_err(io_error("write", &next))?;
        file.sync_all().map_err(io_error("sync", &next))?;
        fs::rename(&next, &path).map_err(io_error("replace", &path))?;
        let folder = File::open(&self.folder).map_err(io_error("open", &self.folder))?;
        folder.sync_all().map_err(io_error("sync", &self.folder))
    }
}

fn checksum(line: &str) -> String {
    Sha256::digest(line.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn io_error(verb: &'static str, path: &Path) -> impl FnOnce(io::Error) -> JournalError {
    let path = path.to_owned();
    move |source| JournalError::Io { verb, path, source }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;
    use crate::core::{Cause, NodeId, Phase};

    struct Folder(PathBuf);

    impl Folder {
        fn new() -> Self {
            static COUNT: AtomicU32 = AtomicU32::new(0);
            let count = COUNT.fetch_add(1, Ordering::Relaxed);
            let name = format!("standfast-journal-{}-{count}", std::process::id());
            Self(std::env::temp_dir().join(name))
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            drop(fs::remove_dir_all(&self.0));
        }
    }

    fn nodes() -> Vec<String> {
        vec!["orders-a".to_owned(), "orders-b".to_owned()]
    }

    fn record() -> Record {
        let phase = Phase::Promoting { candidate: NodeId::new(1), cause: Cause::Hung };
        let fenced = BTreeMap::from([(NodeId::new(0), "pid 7 is gone".to_owned())]);
        Record { epoch: 3, phase, fenced, ..Record::beginning(NodeId::new(0)) }
    }

    #[test]
    fn what_was_written_is_read_by_the_next_watchdog() {
        let folder = Folder::new();
        let (journal, nothing) = Journal::open(&folder.0, &nodes()).unwrap();
        assert_eq!(nothing, None);
        journal.write(&Record::beginning(NodeId::new(0))).unwrap();
        journal.write(&record()).unwrap();
        drop(journal);
        let (_journal, read) = Journal::open(&folder.0, &nodes()).unwrap();
        assert_eq!(read, Some(record()));
    }

    #[test]
    fn two_watchdogs_never_hold_one_journal() {
        let folder = Folder::new();
        let _first = Journal::open(&folder.0, &nodes()).unwrap();
        let second = Journal::open(&folder.0, &nodes());
        assert!(matches!(second, Err(JournalError::Held { .. })));
    }

    #[test]
    fn a_write_that_a_crash_cut_short_anywhere_leaves_the_old_record() {
        let folder = Folder::new();
        let (journal, _) = Journal::open(&folder.0, &nodes()).unwrap();
        journal.write(&record()).unwrap();
        let whole = fs::read(folder.0.join(FILE)).unwrap();
        for length in 0..whole.len() {
            fs::write(folder.0.join(NEXT_FILE), &whole[..length]).unwrap();
            assert_eq!(journal.read().unwrap(), Some(record()));
        }
    }

    #[test]
    fn a_journal_that_lost_any_byte_is_refused() {
        let folder = Folder::new();
        let (journal, _) = Journal::open(&folder.0, &nodes()).unwrap();
        journal.write(&record()).unwrap();
        let whole = fs::read(folder.0.join(FILE)).unwrap();
        // The newline at the end is the one byte that says nothing.
        for index in 0..whole.len() - 1 {
            let mut damaged = whole.clone();
            damaged[index] ^= 1;
            fs::write(folder.0.join(FILE), &damaged).unwrap();
            assert!(journal.read().is_err(), "byte {index}");
            fs::write(folder.0.join(FILE), &whole[..index]).unwrap();
            assert!(journal.read().is_err(), "cut at {index}");
        }
    }

    #[test]
    fn a_journal_of_other_nodes_is_refused() {
        let folder = Folder::new();
        let (journal, _) = Journal::open(&folder.0, &nodes()).unwrap();
        journal.write(&record()).unwrap();
        drop(journal);
        let swapped: Vec<String> = nodes().into_iter().rev().collect();
        let opened = Journal::open(&folder.0, &swapped);
        assert!(matches!(opened, Err(JournalError::OtherNodes { .. })));
    }
}
