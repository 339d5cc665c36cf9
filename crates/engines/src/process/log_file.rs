//! Log files of children: appended to by the child itself, bounded by us.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// One log and its predecessor stay below twice this; a child that prints for ever must not fill
/// the disk.
const LOG_BYTES_MAX: u64 = 64 << 20;

/// How much of the end of a log is read when a few lines are wanted.
const TAIL_BYTES_MAX: u64 = 64 << 10;

/// Opens `path` for appending. Only the owner may read it, as services log what they like.
pub(super) fn open(path: &Path) -> io::Result<File> {
    bound(path)?;
    OpenOptions::new().create(true).append(true).mode(0o600).open(path)
}

/// Moves the text of a log that has grown too long to `….1` and empties it.
///
/// The child keeps its descriptor, so the file itself must stay: copied, then truncated. Lines that
/// are written in between are lost, which is the price of not standing in the child's way.
pub(super) fn bound(path: &Path) -> io::Result<()> {
    bound_to(path, LOG_BYTES_MAX)
}

fn bound_to(path: &Path, bytes_max: u64) -> io::Result<()> {
    match fs::metadata(path) {
        Ok(metadata) if metadata.len() > bytes_max => {}
        Ok(_) => return Ok(()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    }
    fs::copy(path, previous(path))?;
    OpenOptions::new().write(true).open(path)?.set_len(0)
}

fn previous(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".1");
    name.into()
}

/// The last `lines_max` lines of a log, for an error message; empty when it cannot be read.
pub fn last_lines(path: &Path, lines_max: usize) -> String {
    let read = || -> io::Result<Vec<u8>> {
        let mut file = File::open(path)?;
        let length = file.metadata()?.len();
        file.seek(SeekFrom::Start(length.saturating_sub(TAIL_BYTES_MAX)))?;
        let mut tail = Vec::new();
        file.read_to_end(&mut tail)?;
        Ok(tail)
    };
    let tail = read().unwrap_or_default();
    let text = String::from_utf8_lossy(&tail);
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(lines_max)..].join("\n")
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn a_log_that_is_too_long_is_moved_aside_and_still_written_by_its_child() {
        let path = std::env::temp_dir().join(format!("standfast-log-{}", std::process::id()));
        let mut log = open(&path).unwrap();
        writeln!(log, "first line").unwrap();
        bound_to(&path, 5).unwrap();
        writeln!(log, "second").unwrap();
        assert_eq!(last_lines(&path, 10), "second");
        assert_eq!(last_lines(&previous(&path), 10), "first line");
        fs::remove_file(previous(&path)).unwrap();
        fs::remove_file(&path).unwrap();
    }

    #[test]
    fn only_the_last_lines_are_shown() {
        let path = std::env::temp_dir().join(format!("standfast-tail-{}", std::process::id()));
        fs::write(&path, "one\ntwo\nthree\n").unwrap();
        assert_eq!(last_lines(&path, 2), "two\nthree");
        fs::remove_file(&path).unwrap();
        assert_eq!(last_lines(&path, 2), "");
    }
}
