//! The files of the journal: who may write them, how they are read back, when they are replaced.
//!
//! Lines go to the newest segment. When that is long, a new one is begun with the lines of all
//! sagas that are still of interest, and the older ones are deleted: the journal has the size of
//! what is going on, not of what has ever been.

use std::collections::{HashMap, VecDeque};
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use standfast_tactics::saga::Ownership;
use uuid::Uuid;

use super::line::{Line, SagaLine};
use crate::service::durable_file;

/// A segment that is longer is replaced, when half of it is of no interest any more.
const SEGMENT_LENGTH_MAX: u64 = 8 << 20;

/// Ended sagas that are kept: their clients may ask again under the same key. Keys that are older
/// are known to the orders database.
const ENDED_MAX: usize = 20_000;

const PREFIX: &str = "journal-";
const SUFFIX: &str = ".log";

/// Why the journal cannot be used.
#[derive(Debug, thiserror::Error)]
pub(in super::super) enum JournalError {
    #[error("the saga journal in `{folder}` is driven by another process")]
    Taken { folder: String },
    #[error("`{file}` is damaged at byte {offset}, before its end: look at it by hand")]
    Damaged { file: String, offset: usize },
    #[error("the saga journal at `{path}` cannot be used")]
    Io {
        path: String,
        #[source]
        source: io::Error,
    },
}

/// Lines of one saga, as they are in the file.
#[derive(Debug, Default)]
struct Kept {
    lines: Vec<SagaLine>,
    is_ended: bool,
}

/// The folder, locked for this process.
#[derive(Debug)]
pub(in super::super) struct Folder {
    path: PathBuf,
    /// Held for as long as the process lives; the kernel gives it back after a kill -9.
    _lock: File,
    segment: File,
    segment_number: u64,
    segment_length: u64,
    /// What the segment began with.
    checkpoint_length: u64,
    ownership: Ownership,
    sagas: HashMap<Uuid, Kept>,
    ended: VecDeque<Uuid>,
}

impl Folder {
    /// Takes the folder at `path` over, and reads what is in it.
    pub(in super::super) fn open(path: &Path, owner: &str) -> Result<Self, JournalError> {
        let at = |path: &Path| {
            let path = path.display().to_string();
            move |source| JournalError::Io { path, source }
        };
        std::fs::create_dir_all(path).map_err(at(path))?;
        let lock_path = path.join("lock");
        let lock = OpenOptions::new().create(true).truncate(false).write(true).open(&lock_path);
        let lock = lock.map_err(at(&lock_path))?;
        if lock.try_lock().is_err() {
            return Err(JournalError::Taken { folder: path.display().to_string() });
        }
        let numbers = segments(path).map_err(at(path))?;
        let mut read = Reading::default();
        for (index, number) in numbers.iter().enumerate() {
            let file = segment_path(path, *number);
            read.segment(&file, index + 1 == numbers.len())?;
        }
        let ownership = Ownership::taken_over(read.ownership.as_ref(), owner);
        let segment_number = numbers.last().copied().unwrap_or(0);
        let mut folder = Self {
            path: path.to_owned(),
            segment: lock.try_clone().map_err(at(&lock_path))?,
            _lock: lock,
            segment_number,
            segment_length: 0,
            checkpoint_length: 0,
            ownership,
            sagas: HashMap::new(),
            ended: VecDeque::new(),
        };
        for line in read.lines {
            folder.remember(line);
        }
        // A new segment in any case: nothing is ever appended behind a torn line.
        folder.replace().map_err(at(path))?;
        Ok(folder)
    }

    /// The number of this driver.
    pub(in super::super) fn epoch(&self) -> u64 {
        self.ownership.epoch
    }

    /// All sagas that are kept, each with its lines in order.
    pub(in super::super) fn sagas(&self) -> impl Iterator<Item = &[SagaLine]> {
        self.sagas.values().map(|kept| kept.lines.as_slice())
    }

    /// Makes `lines` durable, in this order. After an error nobody knows which of them are.
    pub(super) fn append(&mut self, lines: Vec<SagaLine>) -> io::Result<()> {
        let text: String = lines.iter().map(|line| Line::Saga(line.clone()).encode()).collect();
        self.segment.write_all(text.as_bytes())?;
        self.segment.sync_data()?;
        self.segment_length += text.len() as u64;
        for line in lines {
            self.remember(line);
        }
        if self.segment_length > SEGMENT_LENGTH_MAX.max(2 * self.checkpoint_length) {
            self.replace()?;
        }
        Ok(())
    }

    fn remember(&mut self, line: SagaLine) {
        let kept = self.sagas.entry(line.saga).or_default();
        if line.is_end && !kept.is_ended {
            kept.is_ended = true;
            self.ended.push_back(line.saga);
        }
        kept.lines.push(line);
        while self.ended.len() > ENDED_MAX {
            if let Some(oldest) = self.ended.pop_front() {
                self.sagas.remove(&oldest);
            }
        }
    }

    /// Begins a new segment with all that is kept, and deletes the others once it is durable.
    fn replace(&mut self) -> io::Result<()> {
        let number = self.segment_number + 1;
        let mut text = Line::opened(&self.ownership).encode();
        let going_on = self.sagas.iter().filter(|(_, kept)| !kept.is_ended);
        let going_on = going_on.map(|(id, _)| id);
        // Ended ones in the order of their ends, in which they are forgotten.
        for id in self.ended.iter().chain(going_on) {
            for line in self.sagas.get(id).into_iter().flat_map(|kept| &kept.lines) {
                text.push_str(&Line::Saga(line.clone()).encode());
            }
        }
        let path = segment_path(&self.path, number);
        let file = durable_file::replace(&path, text.as_bytes())?;
        for older in segments(&self.path)?.into_iter().filter(|older| *older < number) {
            std::fs::remove_file(segment_path(&self.path, older))?;
        }
        let length = text.len() as u64;
        (self.segment, self.segment_number) = (file, number);
        (self.segment_length, self.checkpoint_length) = (length, length);
        Ok(())
    }
}

/// What was read so far.
#[derive(Debug, Default)]
struct Reading {
    ownership: Option<Ownership>,
    lines: Vec<SagaLine>,
}

impl Reading {
    /// A segment begins with the whole of what was kept, so it stands for all before it. The last
    /// line of the newest one may be torn: then nobody was told that it is there.
    fn segment(&mut self, path: &Path, is_newest: bool) -> Result<(), JournalError> {
        let file = path.display().to_string();
        let io = |source| JournalError::Io { path: file.clone(), source };
        let mut bytes = Vec::new();
        File::open(path).and_then(|mut file| file.read_to_end(&mut bytes)).map_err(io)?;
        self.lines.clear();
        let mut offset = 0;
        while offset < bytes.len() {
            let rest = &bytes[offset..];
            let end = rest.iter().position(|byte| *byte == b'\n');
            let line = end.and_then(|end| Line::decode(&rest[..end]));
            let (Some(line), Some(end)) = (line, end) else {
                let is_tail = end.is_none_or(|end| end + 1 == rest.len());
                if is_tail && is_newest {
                    tracing::warn!(file, offset, "the last line is torn, and counts for nothing");
                    return Ok(());
                }
                return Err(JournalError::Damaged { file, offset });
            };
            self.line(line);
            offset += end + 1;
        }
        Ok(())
    }

    fn line(&mut self, line: Line) {
        match line {
            Line::Opened { epoch, owner } => {
                let is_later = self.ownership.as_ref().is_none_or(|known| known.epoch < epoch);
                if is_later {
                    self.ownership = Some(Ownership { owner, epoch });
                }
            }
            Line::Saga(line) => self.lines.push(line),
        }
    }
}

fn segment_path(folder: &Path, number: u64) -> PathBuf {
    folder.join(format!("{PREFIX}{number:010}{SUFFIX}"))
}

/// The numbers of the segments, in order.
fn segments(folder: &Path) -> io::Result<Vec<u64>> {
    let mut numbers = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let name = entry?.file_name();
        let number = name.to_str().and_then(|name| name.strip_prefix(PREFIX));
        let number = number.and_then(|rest| rest.strip_suffix(SUFFIX)?.parse::<u64>().ok());
        numbers.extend(number);
    }
    numbers.sort_unstable();
    Ok(numbers)
}

#[cfg(test)]
mod tests;
