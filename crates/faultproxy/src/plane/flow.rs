//! One direction of one connection, driven: bytes are read, go through its link, and are written.
//!
//! Without toxics nothing is kept of a small message: it is read into a buffer of the thread and
//! written at once. Bulk goes through a pipe of the kernel without being copied.

use std::io;
use std::os::fd::AsRawFd;
use std::pin::Pin;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll};

use bytes::Bytes;
use nix::sys::socket::{Shutdown, shutdown};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::Instant;

use super::ending::Ending;
use super::pipes::Pipe;
use super::traffic::FlowCounters;
use crate::link::{End, Link};

/// What is read at once into a link: Toxiproxy's, so that toxics that work by chunks do the same.
const CHUNK_BYTES: usize = 32 * 1024;

/// A burst below this is no bulk: setting up a pipe costs more than it saves.
const BULK_BYTES_MIN: usize = 32 * 1024;

/// Rounds before other connections of the thread have their turn.
const ROUNDS_MAX: usize = 16;

/// One direction of one connection.
#[derive(Debug)]
pub(super) struct Flow {
    pub(super) link: Link,
    /// What has left the link, and goes before anything that is still to come.
    ahead: Ahead,
    stage: Stage,
    bulk: Bulk,
    /// Nothing more is read: the source has ended.
    has_read_all: bool,
}

#[derive(Debug)]
enum Ahead {
    Nothing,
    Bytes(Bytes),
    Pipe(Pipe),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Open,
    /// The end was passed on.
    Finished,
    /// The destination takes nothing any more.
    Broken,
}

#[derive(Clone, Copy, Debug)]
enum Bulk {
    Never,
    No,
    /// Bytes since the source was last found empty.
    Yes(usize),
}

/// Where bytes come from and where they go.
#[derive(Debug)]
pub(super) struct Path<'a> {
    pub(super) source: &'a mut TcpStream,
    pub(super) destination: &'a mut TcpStream,
    pub(super) counters: &'a FlowCounters,
    /// The source takes nothing any more, so that an end of what it sends is a reset.
    pub(super) is_source_broken: bool,
    /// An answer of a toxic to the source.
    pub(super) reply: Option<Bytes>,
}

/// What came of driving a direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Turn {
    /// It waits for a socket, and for this moment.
    Waits(Option<Instant>),
    /// There is more to do, after others had their turn.
    Yields,
    /// The connection ends.
    Ends(Ending),
}

/// What came of one step.
enum Step {
    Moved,
    Waits,
}

impl Flow {
    pub(super) fn new(link: Link) -> Self {
        let (ahead, stage, bulk) = (Ahead::Nothing, Stage::Open, Bulk::No);
        Self { link, ahead, stage, bulk, has_read_all: false }
    }

    pub(super) fn is_finished(&self) -> bool {
        self.stage == Stage::Finished
    }

    pub(super) fn is_broken(&self) -> bool {
        self.stage == Stage::Broken
    }

    /// Whether nothing comes of it any more.
    pub(super) fn is_over(&self) -> bool {
        self.stage != Stage::Open
    }

    /// Moves all that can be moved now.
    pub(super) fn drive(
        &mut self,
        path: &mut Path<'_>,
        cx: &mut Context<'_>,
        scratch: &mut [u8],
    ) -> Turn {
        for _ in 0..ROUNDS_MAX {
            if self.stage != Stage::Open {
                return Turn::Waits(None);
            }
            let is_free = match self.push_ahead(path, cx) {
                Poll::Ready(Ok(())) => true,
                Poll::Ready(Err(_destination)) => {
                    self.break_off();
                    continue;
                }
                Poll::Pending => false,
            };
            if self.link.is_direct() && !self.has_read_all {
                let step = match self.bulk {
                    _ if !is_free => Step::Waits,
                    Bulk::Yes(burst) => self.splice(path, cx, burst),
                    Bulk::Never | Bulk::No => self.copy(path, cx, scratch),
                };
                match step {
                    Step::Moved => continue,
                    Step::Waits => return Turn::Waits(None),
                }
            }
            if let Some(turn) = self.go_through_link(path, cx, scratch, is_free) {
                return turn;
            }
        }
        Turn::Yields
    }

    /// Writes what has left the link already.
    fn push_ahead(&mut self, path: &mut Path<'_>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        loop {
            match std::mem::replace(&mut self.ahead, Ahead::Nothing) {
                Ahead::Nothing => return Poll::Ready(Ok(())),
                Ahead::Bytes(mut bytes) => {
                    let written = write(path, cx, &bytes);
                    if let Poll::Ready(Ok(written)) = written {
                        bytes = bytes.split_off(written);
                    }
                    if !bytes.is_empty() {
                        self.ahead = Ahead::Bytes(bytes);
                    }
                    std::task::ready!(written)?;
                }
                Ahead::Pipe(mut pipe) => {
                    let ready = path.destination.poll_write_ready(cx);
                    let drained = match ready {
                        Poll::Ready(Ok(())) => pipe.drain(path.destination),
                        Poll::Ready(Err(error)) => Err(error),
                        Poll::Pending => {
                            self.ahead = Ahead::Pipe(pipe);
                            return Poll::Pending;
                        }
                    };
                    if let Ok(written) = drained {
                        path.counters.sent.fetch_add(written as u64, Ordering::Relaxed);
                    }
                    if pipe.is_empty() {
                        pipe.give_back();
                    } else {
                        self.ahead = Ahead::Pipe(pipe);
                    }
                    if let Err(error) = drained
                        && error.kind() != io::ErrorKind::WouldBlock
                    {
                        return Poll::Ready(Err(error));
                    }
                }
            }
        }
    }

    /// Reads a message and writes it at once.
    fn copy(&mut self, path: &mut Path<'_>, cx: &mut Context<'_>, scratch: &mut [u8]) -> Step {
        let Poll::Ready(read) = read(path, cx, scratch) else { return Step::Waits };
        let Some(length) = self.take_end(path, read) else { return Step::Moved };
        if length == scratch.len() && !matches!(self.bulk, Bulk::Never) {
            self.bulk = Bulk::Yes(length);
        }
        match write(path, cx, &scratch[..length]) {
            Poll::Ready(Ok(written)) if written == length => {}
            Poll::Ready(Err(_destination)) => self.break_off(),
            Poll::Ready(Ok(written)) => {
                self.ahead = Ahead::Bytes(Bytes::copy_from_slice(&scratch[written..length]));
            }
            Poll::Pending => {
                self.ahead = Ahead::Bytes(Bytes::copy_from_slice(&scratch[..length]));
            }
        }
        Step::Moved
    }

    /// Moves bytes on through a pipe, without copying them.
    fn splice(&mut self, path: &mut Path<'_>, cx: &mut Context<'_>, burst: usize) -> Step {
        let Poll::Ready(ready) = path.source.poll_read_ready(cx) else { return Step::Waits };
        let Ok(mut pipe) = Pipe::take() else {
            self.bulk = Bulk::Never;
            return Step::Moved;
        };
        match ready.and_then(|()| pipe.fill(path.source)) {
            Ok(0) => {
                self.take_end(path, Ok(0));
            }
            Ok(moved) => {
                path.counters.received.fetch_add(moved as u64, Ordering::Relaxed);
                self.bulk = Bulk::Yes(burst.saturating_add(moved));
                self.ahead = Ahead::Pipe(pipe);
                return Step::Moved;
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                self.bulk = if burst < BULK_BYTES_MIN { Bulk::No } else { Bulk::Yes(0) };
            }
            // Not with this socket or this kernel.
            Err(error) if error.kind() == io::ErrorKind::InvalidInput => self.bulk = Bulk::Never,
            Err(error) => {
                self.take_end(path, Err(error));
            }
        }
        pipe.give_back();
        Step::Moved
    }

    /// One round with toxics, or with an end to pass on. `None` asks for another round.
    fn go_through_link(
        &mut self,
        path: &mut Path<'_>,
        cx: &mut Context<'_>,
        scratch: &mut [u8],
        is_free: bool,
    ) -> Option<Turn> {
        let mut has_moved = false;
        let room = if self.has_read_all { 0 } else { self.link.room().min(CHUNK_BYTES) };
        if room > 0
            && let Poll::Ready(read) = read(path, cx, &mut scratch[..room])
        {
            has_moved = true;
            if let Some(length) = self.take_end(path, read) {
                self.link.receive(Bytes::copy_from_slice(&scratch[..length]), Instant::now());
            }
        }
        let look = self.link.look(Instant::now());
        path.reply = path.reply.take().or(look.reply);
        if is_free {
            match self.write_output(path, cx) {
                Ok(has_written) => has_moved |= has_written,
                Err(_destination) => {
                    self.break_off();
                    return None;
                }
            }
        }
        if let Some(turn) = self.pass_end(path) {
            return Some(turn);
        }
        if has_moved { None } else { Some(Turn::Waits(look.wake)) }
    }

    fn write_output(&mut self, path: &mut Path<'_>, cx: &mut Context<'_>) -> io::Result<bool> {
        let mut has_written = false;
        while let Some(front) = self.link.output().front() {
            let Poll::Ready(written) = write(path, cx, &front.bytes) else { break };
            self.link.output().split_front(written?);
            has_written = true;
        }
        Ok(has_written)
    }

    /// Passes on the end, once all before it is written. A reset does not wait for that.
    fn pass_end(&mut self, path: &mut Path<'_>) -> Option<Turn> {
        let output = self.link.output();
        if output.pending_end() == Some(End::Reset) {
            return Some(Turn::Ends(Ending::Reset));
        }
        if !output.is_empty() || !matches!(self.ahead, Ahead::Nothing) {
            return None;
        }
        match output.take_end()? {
            End::Finish => {
                self.stage = Stage::Finished;
                // Fails only where the connection has gone already, as the other direction sees.
                let _gone = shut_down(path.destination);
                Some(Turn::Waits(None))
            }
            End::Close => Some(Turn::Ends(Ending::Closed)),
            End::Reset => Some(Turn::Ends(Ending::Reset)),
        }
    }

    /// Counts what was read; an end or an error goes into the link and leaves nothing to count.
    fn take_end(&mut self, path: &Path<'_>, read: io::Result<usize>) -> Option<usize> {
        match read {
            Ok(length) if length > 0 => {
                path.counters.received.fetch_add(length as u64, Ordering::Relaxed);
                return Some(length);
            }
            Ok(_nothing) if !path.is_source_broken => self.link.end(End::Finish),
            Ok(_) | Err(_) => self.link.end(End::Reset),
        }
        self.has_read_all = true;
        None
    }

    fn break_off(&mut self) {
        self.stage = Stage::Broken;
        self.ahead = Ahead::Nothing;
    }
}

fn read(path: &mut Path<'_>, cx: &mut Context<'_>, into: &mut [u8]) -> Poll<io::Result<usize>> {
    let mut buffer = ReadBuf::new(into);
    let read = Pin::new(&mut *path.source).poll_read(cx, &mut buffer);
    read.map_ok(|()| buffer.filled().len())
}

fn write(path: &mut Path<'_>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
    let written = Pin::new(&mut *path.destination).poll_write(cx, bytes);
    if let Poll::Ready(Ok(written)) = written {
        path.counters.sent.fetch_add(written as u64, Ordering::Relaxed);
    }
    written
}

/// Sends FIN.
fn shut_down(stream: &TcpStream) -> nix::Result<()> {
    shutdown(stream.as_raw_fd(), Shutdown::Write)
}
