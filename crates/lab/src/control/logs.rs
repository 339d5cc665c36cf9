//! Logs of an instance's processes: their ends, and what is written from now on.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Serialize;
use standfast_engines::process::last_lines;

use crate::instance::InstanceFolder;

/// A person who watches does not notice less.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// What is read of one file at once, so that one that is written to without end cannot fill memory.
const READ_BYTES_MAX: u64 = 1 << 20;

/// One line of one process.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LogLine {
    pub process: String,
    pub text: String,
}

/// The last lines of each process, or of one.
pub fn tail(folder: &InstanceFolder, process: Option<&str>, lines_max: usize) -> Vec<LogLine> {
    let mut lines = Vec::new();
    for (name, path) in files(folder, process) {
        let text = last_lines(&path, lines_max);
        let of_process =
            text.lines().map(|line| LogLine { process: name.clone(), text: line.to_owned() });
        lines.extend(of_process);
    }
    lines
}

/// Reads what is written after it was made.
#[derive(Debug)]
pub struct LogFollower {
    folder: InstanceFolder,
    process: Option<String>,
    read: BTreeMap<PathBuf, Position>,
}

#[derive(Debug, Default)]
struct Position {
    offset: u64,
    /// The beginning of a line whose end is not written yet.
    begun: Vec<u8>,
}

impl LogFollower {
    pub fn new(folder: &InstanceFolder, process: Option<&str>) -> Self {
        let mut read = BTreeMap::new();
        for (_, path) in files(folder, process) {
            let offset = fs::metadata(&path).map_or(0, |file| file.len());
            read.insert(path, Position { offset, begun: Vec::new() });
        }
        Self { folder: folder.clone(), process: process.map(str::to_owned), read }
    }

    /// Waits for the next lines. Cancel-safe: what was not answered is read again.
    pub async fn next(&mut self) -> Vec<LogLine> {
        loop {
            let lines = self.look();
            if !lines.is_empty() {
                return lines;
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// The lines that were finished since the last look.
    fn look(&mut self) -> Vec<LogLine> {
        let mut lines = Vec::new();
        for (name, path) in files(&self.folder, self.process.as_deref()) {
            let position = self.read.entry(path.clone()).or_default();
            // A log that cannot be read now is looked at again soon.
            for text in position.advance(&path).unwrap_or_default() {
                lines.push(LogLine { process: name.clone(), text });
            }
        }
        lines
    }
}

impl Position {
    fn advance(&mut self, path: &Path) -> io::Result<Vec<String>> {
        let mut file = File::open(path)?;
        if file.metadata()?.len() < self.offset {
            // It was truncated, as logs that grow too long are.
            *self = Self::default();
        }
        file.seek(SeekFrom::Start(self.offset))?;
        self.offset += file.take(READ_BYTES_MAX).read_to_end(&mut self.begun)? as u64;
        let Some(end) = self.begun.iter().rposition(|byte| *byte == b'\n') else {
            return Ok(Vec::new());
        };
        let rest = self.begun.split_off(end + 1);
        let finished = std::mem::replace(&mut self.begun, rest);
        Ok(String::from_utf8_lossy(&finished).lines().map(str::to_owned).collect())
    }
}

fn files(folder: &InstanceFolder, process: Option<&str>) -> Vec<(String, PathBuf)> {
    let entries = fs::read_dir(folder.logs()).into_iter().flatten().flatten();
    let logs = entries.filter_map(|entry| {
        let path = entry.path();
        let is_log = path.extension().is_some_and(|extension| extension == "log");
        let name = path.file_stem()?.to_str()?.to_owned();
        (is_log && process.is_none_or(|wanted| wanted == name)).then_some((name, path))
    });
    let mut logs: Vec<_> = logs.collect();
    logs.sort();
    logs
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn lines_are_read_when_they_are_whole_and_after_a_truncation() {
        let path = std::env::temp_dir().join(format!("standfast-follow-{}", std::process::id()));
        let mut file = File::create(&path).unwrap();
        let mut position = Position::default();
        file.write_all(b"one\ntw").unwrap();
        assert_eq!(position.advance(&path).unwrap(), ["one"]);
        file.write_all(b"o\n").unwrap();
        assert_eq!(position.advance(&path).unwrap(), ["two"]);
        assert!(position.advance(&path).unwrap().is_empty(), "nothing new");
        fs::write(&path, b"3\n").unwrap();
        assert_eq!(position.advance(&path).unwrap(), ["3"], "begun anew");
        fs::remove_file(&path).unwrap();
    }
}
