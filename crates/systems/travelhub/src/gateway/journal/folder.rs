//! The file of the journal: who may write it, how it is read back, when it is written anew.
//!
//! Lines are appended. When it has grown, it is replaced by one that holds what is still of
//! interest, so that it has the size of what is going on and not of what has ever been.

use std::collections::{HashMap, VecDeque};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::line::{Line, Settled, Stored};
use super::recent::Recent;
use crate::service::{durable_file, sealed_line};

/// A longer file is replaced, when half of it is of no interest any more.
const LENGTH_MAX: u64 = 8 << 20;

/// Why the journal cannot be used.
#[derive(Debug, thiserror::Error)]
pub(in super::super) enum JournalError {
    #[error("the gateway's journal in `{folder}` is another process's")]
    Taken { folder: String },
    #[error("`{file}` is damaged at byte {offset}, before its end: look at it by hand")]
    Damaged { file: String, offset: usize },
    #[error("the gateway's journal at `{path}` cannot be used: {source}")]
    Io {
        path: String,
        #[source]
        source: io::Error,
    },
}

/// What the journal knows of one key.
#[derive(Clone, Debug)]
pub(super) struct Kept {
    pub(super) stored: Stored,
    pub(super) answer: Option<Settled>,
}

/// The folder, locked for this process.
#[derive(Debug)]
pub(in super::super) struct Folder {
    path: PathBuf,
    /// Held for as long as the process lives; the kernel gives it back after a kill -9.
    _lock: File,
    file: File,
    length: u64,
    /// What the file began with.
    checkpoint_length: u64,
    kept: HashMap<String, Kept>,
    /// Keys in the order in which they came.
    order: VecDeque<String>,
    settled: Recent,
    /// After a failed write nobody knows what the file holds: it is replaced before the next one.
    is_in_doubt: bool,
}

impl Folder {
    /// Takes the folder at `path` over, and reads what is in it.
    pub(in super::super) fn open(path: &Path) -> Result<Self, JournalError> {
        let at = |path: &Path| {
            let path = path.display().to_string();
            move |source| JournalError::Io { path, source }
        };
        fs::create_dir_all(path).map_err(at(path))?;
        let lock_path = path.join("lock");
        let lock = OpenOptions::new().create(true).truncate(false).write(true).open(&lock_path);
        let lock = lock.map_err(at(&lock_path))?;
        if lock.try_lock().is_err() {
            return Err(JournalError::Taken { folder: path.display().to_string() });
        }
        let file_path = path.join("journal.log");
        let lines = match fs::read(&file_path) {
            Ok(bytes) => read(&bytes, &file_path)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            Err(source) => return Err(at(&file_path)(source)),
        };
        let mut folder = Self {
            path: file_path,
            file: lock.try_clone().map_err(at(&lock_path))?,
            _lock: lock,
            length: 0,
            checkpoint_length: 0,
            kept: HashMap::new(),
            order: VecDeque::new(),
            settled: Recent::default(),
            is_in_doubt: true,
        };
        for line in lines {
            folder.remember(line);
        }
        // A new file in any case: nothing is ever appended behind a torn line.
        folder.replace().map_err(at(path))?;
        Ok(folder)
    }

    /// All that is kept, in the order in which it came.
    pub(super) fn kept(&self) -> impl Iterator<Item = &Kept> {
        self.order.iter().filter_map(|key| self.kept.get(key))
    }

    /// Makes `lines` durable. After an error they count for nothing, unless the process ends before
    /// it has written again: then they may.
    pub(super) fn append(&mut self, lines: Vec<Line>) -> io::Result<()> {
        if self.is_in_doubt {
            self.replace()?;
        }
        let text: String = lines.iter().map(sealed_line::seal).collect();
        self.is_in_doubt = true;
        self.file.write_all(text.as_bytes())?;
        self.file.sync_data()?;
        self.is_in_doubt = false;
        self.length += text.len() as u64;
        for line in lines {
            self.remember(line);
        }
        if self.length > LENGTH_MAX.max(2 * self.checkpoint_length) {
            self.replace()?;
        }
        Ok(())
    }

    fn remember(&mut self, line: Line) {
        match line {
            Line::Taken(stored) => {
                let key = stored.key.clone();
                if self.kept.insert(key.clone(), Kept { stored, answer: None }).is_none() {
                    self.order.push_back(key);
                }
            }
            Line::Settled { key, answer } => {
                let Some(kept) = self.kept.get_mut(&key) else { return };
                let at = answer.at;
                if kept.answer.replace(answer).is_none() {
                    for forgotten in self.settled.push(key, at) {
                        self.kept.remove(&forgotten);
                    }
                }
            }
        }
    }

    fn replace(&mut self) -> io::Result<()> {
        self.order.retain(|key| self.kept.contains_key(key));
        let mut text = String::new();
        for kept in self.kept() {
            text.push_str(&sealed_line::seal(&Line::Taken(kept.stored.clone())));
        }
        // In the order of their ends, in which they are forgotten.
        for key in self.settled.keys() {
            if let Some(answer) = self.kept.get(key).and_then(|kept| kept.answer.clone()) {
                text.push_str(&sealed_line::seal(&Line::Settled { key: key.clone(), answer }));
            }
        }
        self.file = durable_file::replace(&self.path, text.as_bytes())?;
        self.length = text.len() as u64;
        self.checkpoint_length = self.length;
        self.is_in_doubt = false;
        Ok(())
    }
}

/// The lines of a file. The last one may be torn: then nobody was told that it is there.
fn read(bytes: &[u8], path: &Path) -> Result<Vec<Line>, JournalError> {
    let (mut lines, mut offset) = (Vec::new(), 0);
    while offset < bytes.len() {
        let rest = &bytes[offset..];
        let end = rest.iter().position(|byte| *byte == b'\n');
        let line = end.and_then(|end| sealed_line::open(&rest[..end]));
        let (Some(line), Some(end)) = (line, end) else {
            let file = path.display().to_string();
            if end.is_none_or(|end| end + 1 == rest.len()) {
                tracing::warn!(file, offset, "the last line is torn, and counts for nothing");
                break;
            }
            return Err(JournalError::Damaged { file, offset });
        };
        lines.push(line);
        offset += end + 1;
    }
    Ok(lines)
}

#[cfg(test)]
mod tests;
