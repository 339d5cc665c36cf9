//! Standard output of a service: all of it into the log, every line to whoever listens.

use std::fs::File;
use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::io::AsyncReadExt;
use tokio::net::unix::pipe;
use tokio::sync::mpsc;

/// A longer line is handed on in pieces: a child that never ends a line must not fill our memory.
const LINE_BYTES_MAX: usize = 64 << 10;

/// Runs until the child and all that share its output have closed it.
pub(super) async fn run(
    mut from: pipe::Receiver,
    mut log: File,
    lines: mpsc::Sender<String>,
    dropped: Arc<AtomicU64>,
) {
    let mut pending = Vec::new();
    let mut chunk = vec![0; 16 << 10];
    while let Ok(count @ 1..) = from.read(&mut chunk).await {
        let text = &chunk[..count];
        // Neither a full disk nor a missing listener is a reason to hold the child up.
        drop(log.write_all(text));
        pending.extend_from_slice(text);
        take_lines(&mut pending, |line| hand_on(line, &lines, &dropped));
    }
    if !pending.is_empty() {
        hand_on(&pending, &lines, &dropped);
    }
}

fn hand_on(line: &[u8], lines: &mpsc::Sender<String>, dropped: &AtomicU64) {
    if lines.try_send(String::from_utf8_lossy(line).into_owned()).is_err() {
        dropped.fetch_add(1, Ordering::Relaxed);
    }
}

/// Takes all complete lines out of `pending`, and a part of one that has grown too long.
fn take_lines(pending: &mut Vec<u8>, mut take: impl FnMut(&[u8])) {
    let mut start = 0;
    while let Some(length) = pending[start..].iter().position(|byte| *byte == b'\n') {
        let line = &pending[start..start + length];
        take(line.strip_suffix(b"\r").unwrap_or(line));
        start += length + 1;
    }
    pending.drain(..start);
    if pending.len() >= LINE_BYTES_MAX {
        take(pending);
        pending.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_whole_however_they_arrive() {
        let mut pending = Vec::new();
        let mut seen = Vec::new();
        for piece in ["ab", "c\nd", "e\r\n\nf"] {
            pending.extend_from_slice(piece.as_bytes());
            take_lines(&mut pending, |line| seen.push(String::from_utf8_lossy(line).into_owned()));
        }
        assert_eq!(seen, ["abc", "de", ""]);
        assert_eq!(pending, b"f");
    }

    #[test]
    fn a_line_without_an_end_is_bounded() {
        let mut pending = vec![b'x'; LINE_BYTES_MAX + 5];
        let mut pieces = 0;
        take_lines(&mut pending, |_| pieces += 1);
        assert_eq!((pieces, pending.len()), (1, 0));
    }
}
