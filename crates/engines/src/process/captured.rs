//! The output of a one-shot command, kept in memory within a bound.

use tokio::io::AsyncReadExt;
use tokio::net::unix::pipe;
use tokio::sync::oneshot;
use tokio::task::JoinSet;

use super::exit::Exit;

/// More than any command here says; what comes after is read, so that the child goes on, and lost.
const CAPTURE_BYTES_MAX: usize = 1 << 20;

/// A one-shot command that has ended.
#[derive(Debug)]
pub struct Finished {
    pub status: Exit,
    pub stdout: Vec<u8>,
    pub stderr: Vec<u8>,
}

impl Finished {
    /// What it said last, for an error message: standard error, or else standard output.
    pub fn complaint(&self) -> String {
        let errors = String::from_utf8_lossy(&self.stderr);
        let text =
            if errors.trim().is_empty() { String::from_utf8_lossy(&self.stdout) } else { errors };
        let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
        lines[lines.len().saturating_sub(20)..].join("\n")
    }
}

/// What will have been read when the command has ended.
#[derive(Debug)]
pub(super) struct Captured {
    stdout: oneshot::Receiver<Vec<u8>>,
    stderr: oneshot::Receiver<Vec<u8>>,
}

impl Captured {
    pub(super) fn read(
        stdout: pipe::Receiver,
        stderr: pipe::Receiver,
        tasks: &mut JoinSet<()>,
    ) -> Self {
        Self { stdout: collect(stdout, tasks), stderr: collect(stderr, tasks) }
    }

    pub(super) async fn finish(self, status: Exit) -> Finished {
        let stdout = self.stdout.await.unwrap_or_default();
        let stderr = self.stderr.await.unwrap_or_default();
        Finished { status, stdout, stderr }
    }
}

fn collect(mut from: pipe::Receiver, tasks: &mut JoinSet<()>) -> oneshot::Receiver<Vec<u8>> {
    let (sender, receiver) = oneshot::channel();
    tasks.spawn(async move {
        let mut kept = Vec::new();
        let mut chunk = vec![0; 16 << 10];
        while let Ok(count @ 1..) = from.read(&mut chunk).await {
            let room = CAPTURE_BYTES_MAX.saturating_sub(kept.len());
            kept.extend_from_slice(&chunk[..count.min(room)]);
        }
        // Nobody may be interested any more.
        drop(sender.send(kept));
    });
    receiver
}
