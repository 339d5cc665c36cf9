//! The files: who may write them, how they are read back, when they are replaced.
//!
//! `carts-7.log` is followed by `carts-8.log`; `carts-8.snapshot` stands for all logs before the
//! eighth, which are deleted once it is whole.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::line::Line;
use crate::service::durable_file;

const PREFIX: &str = "carts-";
const LOG: &str = ".log";
const SNAPSHOT: &str = ".snapshot";

/// Why the folder cannot be used.
#[derive(Debug, thiserror::Error)]
pub(in super::super) enum JournalError {
    #[error("the carts in `{folder}` are kept by another process")]
    Taken { folder: String },
    #[error("the carts in `{folder}` are those of node {node}, and not of node {wanted}")]
    Foreign { folder: String, node: u16, wanted: u16 },
    #[error("`{file}` is damaged at byte {offset}: look at it by hand")]
    Damaged { file: String, offset: usize },
    #[error("`{file}` is missing, and later ones are there: look for it")]
    Missing { file: String },
    #[error("the carts at `{path}` cannot be used")]
    Io {
        path: String,
        #[source]
        source: io::Error,
    },
}

/// Whose folder it is, and when it is opened.
#[derive(Clone, Copy, Debug)]
pub(in super::super) struct Opening {
    pub(in super::super) node: u16,
    /// Seconds since 1970. A folder that was emptied has forgotten how many lives there were, and
    /// the numbers of changes must not come again: a life is numbered at least by this.
    pub(in super::super) now_seconds: u32,
}

/// A life of the node, and what it finds.
#[derive(Debug)]
pub(in super::super) struct Started {
    pub(in super::super) incarnation: u32,
    pub(in super::super) lines: Vec<Line>,
}

/// The folder, locked for this process.
#[derive(Debug)]
pub(in super::super) struct Folder {
    path: PathBuf,
    /// Held for as long as the process lives; the kernel gives it back after a kill -9.
    _lock: File,
    log: File,
    number: u64,
    /// Bytes of all logs that no snapshot stands for.
    pub(super) log_length: u64,
}

impl Folder {
    /// Takes the folder at `path` over, and reads what is in it.
    pub(in super::super) fn open(
        path: &Path,
        opening: Opening,
    ) -> Result<(Self, Started), JournalError> {
        let folder = path.display().to_string();
        fs::create_dir_all(path).map_err(at(path))?;
        let lock_path = path.join("lock");
        let lock = OpenOptions::new().create(true).truncate(false).write(true).open(&lock_path);
        let lock = lock.map_err(at(&lock_path))?;
        if lock.try_lock().is_err() {
            return Err(JournalError::Taken { folder });
        }
        let (lines, number, log_length) = read(path)?;
        let mut incarnation = 0;
        for line in &lines {
            if let Line::Opened { node, incarnation: life } = line {
                if *node != opening.node {
                    let (node, wanted) = (*node, opening.node);
                    return Err(JournalError::Foreign { folder, node, wanted });
                }
                incarnation = incarnation.max(*life);
            }
        }
        let incarnation = incarnation.saturating_add(1).max(opening.now_seconds);
        // A log of its own for each life: nothing is ever appended behind a torn line.
        let number = number + 1;
        let opened = Line::Opened { node: opening.node, incarnation }.encode();
        let log_path = log_path(path, number);
        let log = durable_file::replace(&log_path, opened.as_bytes()).map_err(at(&log_path))?;
        let log_length = log_length + opened.len() as u64;
        let folder = Self { path: path.to_owned(), _lock: lock, log, number, log_length };
        Ok((folder, Started { incarnation, lines }))
    }

    /// Makes `text` durable, which is whole lines. After an error nobody knows what of it is.
    pub(super) fn append(&mut self, text: &str) -> io::Result<()> {
        self.log.write_all(text.as_bytes())?;
        self.log.sync_data()?;
        self.log_length += text.len() as u64;
        Ok(())
    }

    /// Begins another log, and answers where a snapshot of all that came before it belongs.
    pub(super) fn rotate(&mut self) -> io::Result<SnapshotPlace> {
        let number = self.number + 1;
        self.log = durable_file::replace(&log_path(&self.path, number), b"")?;
        (self.number, self.log_length) = (number, 0);
        Ok(SnapshotPlace { folder: self.path.clone(), number })
    }
}

/// Where a snapshot is to be put.
#[derive(Clone, Debug)]
pub(in super::super) struct SnapshotPlace {
    folder: PathBuf,
    number: u64,
}

impl SnapshotPlace {
    /// Keeps `text` in place of all logs before its own.
    pub(in super::super) fn fill(&self, text: &str) -> io::Result<()> {
        let path = numbered(&self.folder, self.number, SNAPSHOT);
        durable_file::replace(&path, text.as_bytes())?;
        clear_before(&self.folder, self.number)
    }
}

/// All lines that count, the number of the newest log, and how long the logs are.
fn read(folder: &Path) -> Result<(Vec<Line>, u64, u64), JournalError> {
    let snapshots = numbers(folder, SNAPSHOT).map_err(at(folder))?;
    let first = snapshots.last().copied();
    let mut lines = Vec::new();
    if let Some(number) = first {
        read_file(&numbered(folder, number, SNAPSHOT), Tail::Whole, &mut lines)?;
        // What it stands for may still be there, after a death in between.
        clear_before(folder, number).map_err(at(folder))?;
    }
    let (mut expected, mut length) = (first.unwrap_or(1), 0);
    let logs = numbers(folder, LOG).map_err(at(folder))?;
    for (place, number) in logs.iter().enumerate() {
        if *number != expected {
            let file = log_path(folder, expected).display().to_string();
            return Err(JournalError::Missing { file });
        }
        let tail = if place + 1 == logs.len() { Tail::Torn } else { Tail::Whole };
        length += read_file(&log_path(folder, *number), tail, &mut lines)?;
        expected += 1;
    }
    if first.is_some() && logs.is_empty() {
        let file = log_path(folder, expected).display().to_string();
        return Err(JournalError::Missing { file });
    }
    Ok((lines, expected - 1, length))
}

/// What may be at the end of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Tail {
    /// The last line, without its end: nobody was told of it then. One that has its end may have
    /// been acknowledged.
    Torn,
    Whole,
}

/// Reads a file, and cuts a torn tail off. Answers how long it is then.
fn read_file(path: &Path, tail: Tail, lines: &mut Vec<Line>) -> Result<u64, JournalError> {
    let bytes = fs::read(path).map_err(at(path))?;
    let mut offset = 0;
    while offset < bytes.len() {
        let rest = &bytes[offset..];
        let end = rest.iter().position(|byte| *byte == b'\n');
        let line = end.and_then(|end| Line::decode(&rest[..end]));
        let (Some(line), Some(end)) = (line, end) else {
            let file = path.display().to_string();
            if tail == Tail::Whole || end.is_some() {
                return Err(JournalError::Damaged { file, offset });
            }
            tracing::warn!(file, offset, "the last line is torn, and is cut off");
            let cut = OpenOptions::new().write(true).open(path);
            let cut = cut.and_then(|log| log.set_len(offset as u64).and_then(|()| log.sync_all()));
            cut.map_err(at(path))?;
            break;
        };
        lines.push(line);
        offset += end + 1;
    }
    Ok(offset as u64)
}

fn clear_before(folder: &Path, number: u64) -> io::Result<()> {
    for kind in [LOG, SNAPSHOT] {
        for older in numbers(folder, kind)?.into_iter().filter(|older| *older < number) {
            fs::remove_file(numbered(folder, older, kind))?;
        }
    }
    Ok(())
}

fn at(path: &Path) -> impl Fn(io::Error) -> JournalError + use<> {
    let path = path.display().to_string();
    move |source| JournalError::Io { path: path.clone(), source }
}

fn log_path(folder: &Path, number: u64) -> PathBuf {
    numbered(folder, number, LOG)
}

fn numbered(folder: &Path, number: u64, kind: &str) -> PathBuf {
    folder.join(format!("{PREFIX}{number:010}{kind}"))
}

/// The numbers of the files of a kind, in order.
fn numbers(folder: &Path, kind: &str) -> io::Result<Vec<u64>> {
    let mut numbers = Vec::new();
    for entry in fs::read_dir(folder)? {
        let name = entry?.file_name();
        let number = name.to_str().and_then(|name| name.strip_prefix(PREFIX));
        numbers.extend(number.and_then(|rest| rest.strip_suffix(kind)?.parse::<u64>().ok()));
    }
    numbers.sort_unstable();
    Ok(numbers)
}

#[cfg(test)]
mod tests;
