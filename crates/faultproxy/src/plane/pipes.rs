//! Pipes of the kernel through which bulk goes without being copied, lent for as long as they hold
//! bytes: idle connections have none.

use std::cell::RefCell;
use std::io::{self, PipeReader, PipeWriter};
use std::os::fd::AsFd;

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, SpliceFFlags, fcntl, splice};
use tokio::io::Interest;
use tokio::net::TcpStream;

/// What a pipe should hold: the most that Linux allows everyone (`pipe-max-size`).
const PIPE_BYTES: i32 = 1024 * 1024;

/// Pipes that a thread keeps for later; each costs two descriptors, and no memory while empty.
const SPARE_MAX: usize = 16;

thread_local! {
    static SPARE: RefCell<Vec<Pipe>> = const { RefCell::new(Vec::new()) };
}

/// A pipe, and how many bytes it holds.
#[derive(Debug)]
pub(super) struct Pipe {
    reader: PipeReader,
    writer: PipeWriter,
    held: usize,
}

impl Pipe {
    /// An empty pipe.
    pub(super) fn take() -> io::Result<Self> {
        if let Some(spare) = SPARE.with_borrow_mut(Vec::pop) {
            return Ok(spare);
        }
        let (reader, writer) = io::pipe()?;
        // A user with many pipes gets no more than 64 KiB each, which is slower, not wrong.
        let _smaller = fcntl(&writer, FcntlArg::F_SETPIPE_SZ(PIPE_BYTES));
        Ok(Self { reader, writer, held: 0 })
    }

    /// Gives it back for others. One that holds bytes is closed instead.
    pub(super) fn give_back(self) {
        SPARE.with_borrow_mut(|spare| {
            if self.held == 0 && spare.len() < SPARE_MAX {
                spare.push(self);
            }
        });
    }

    pub(super) fn is_empty(&self) -> bool {
        self.held == 0
    }

    /// Takes bytes from `source`. Only for an empty pipe: then "would block" can only mean that
    /// nothing has come, not that the pipe is full.
    pub(super) fn fill(&mut self, source: &TcpStream) -> io::Result<usize> {
        let moved = source.try_io(Interest::READABLE, || {
            move_bytes(source.as_fd(), self.writer.as_fd(), PIPE_BYTES.unsigned_abs() as usize)
        })?;
        self.held += moved;
        Ok(moved)
    }

    /// Hands bytes to `destination`.
    pub(super) fn drain(&mut self, destination: &TcpStream) -> io::Result<usize> {
        let moved = destination.try_io(Interest::WRITABLE, || {
            move_bytes(self.reader.as_fd(), destination.as_fd(), self.held)
        })?;
        self.held -= moved;
        Ok(moved)
    }
}

fn move_bytes(from: impl AsFd, to: impl AsFd, length: usize) -> io::Result<usize> {
    let flags = SpliceFFlags::SPLICE_F_NONBLOCK | SpliceFFlags::SPLICE_F_MOVE;
    loop {
        match splice(from.as_fd(), None, to.as_fd(), None, length, flags) {
            Err(Errno::EINTR) => {}
            moved => return Ok(moved?),
        }
    }
}
