//! One connection: it writes a request, reads its answer, and reports what happened to it.

use std::io::{self, ErrorKind, Read, Write};
use std::net::SocketAddr;
use std::time::Duration;

use mio::net::TcpStream;
use mio::{Interest, Registry, Token};

use super::Attempt;
use crate::http::{Answer, Expectation, ResponseReader, Step};

/// What a connection is doing.
#[derive(Debug)]
pub(super) enum State {
    Connecting { since: Duration },
    Idle,
    Busy { attempt: Attempt, sent: Option<Duration> },
}

/// A connection and the request that it carries.
#[derive(Debug)]
pub(super) struct Connection {
    stream: TcpStream,
    pub(super) state: State,
    /// The rendered request; kept so that the next one needs no allocation.
    pub(super) request: Vec<u8>,
    written: usize,
    reader: ResponseReader,
}

/// How a read ended.
#[derive(Debug)]
pub(super) enum Received {
    /// The answer goes on.
    Partial,
    Answer(Answer),
    Lost(standfast_history::ErrorKind),
}

impl Connection {
    pub(super) fn open(
        target: SocketAddr,
        now: Duration,
        registry: &Registry,
        token: Token,
    ) -> io::Result<Self> {
        let mut stream = TcpStream::connect(target)?;
        // A request is one write; waiting for more of it would only delay it.
        stream.set_nodelay(true)?;
        registry.register(&mut stream, token, Interest::READABLE | Interest::WRITABLE)?;
        Ok(Self {
            stream,
            state: State::Connecting { since: now },
            request: Vec::new(),
            written: 0,
            reader: ResponseReader::default(),
        })
    }

    /// Whether the connection is made by now.
    pub(super) fn is_connected(&self) -> io::Result<bool> {
        if let Some(error) = self.stream.take_error()? {
            return Err(error);
        }
        match self.stream.peer_addr() {
            Ok(_) => Ok(true),
            Err(error) if error.kind() == ErrorKind::NotConnected => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Takes up `attempt`, whose request stands in [`Self::request`].
    pub(super) fn take_up(&mut self, attempt: Attempt) {
        self.state = State::Busy { attempt, sent: None };
        self.written = 0;
    }

    /// Whether a part of the request waits for room in the socket.
    pub(super) fn has_unsent(&self) -> bool {
        self.written < self.request.len()
    }

    /// Writes what the socket takes. The first byte counts as sent at `now`.
    pub(super) fn send(&mut self, now: Duration) -> io::Result<()> {
        while self.has_unsent() {
            match self.stream.write(&self.request[self.written..]) {
                Ok(written) => {
                    self.written += written;
                    if let State::Busy { sent, .. } = &mut self.state {
                        sent.get_or_insert(now);
                    }
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Reads what is there into `scratch`. With `closed`, the poll saw the end of the stream.
    pub(super) fn receive(
        &mut self,
        scratch: &mut [u8],
        expectation: &Expectation,
        closed: bool,
    ) -> Received {
        use standfast_history::ErrorKind as Kind;
        loop {
            let length = match self.stream.read(scratch) {
                Ok(length) => length,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Received::Partial,
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(_) => return Received::Lost(Kind::Reset),
            };
            if length == 0 {
                return match self.reader.end(expectation) {
                    Ok(Some(answer)) => Received::Answer(answer),
                    Ok(None) => Received::Lost(Kind::Reset),
                    Err(_) => Received::Lost(Kind::Protocol),
                };
            }
            // A read that leaves room has emptied the socket; trying again would cost a call.
            let is_emptied = length < scratch.len();
            match self.reader.read(&scratch[..length], expectation) {
                Ok(Step::Done { mut answer, surplus }) => {
                    answer.reusable &= surplus == 0 && is_emptied && !closed && !self.has_unsent();
                    return Received::Answer(answer);
                }
                Ok(Step::More) if is_emptied && !closed => return Received::Partial,
                Ok(Step::More) => {}
                Err(_) => return Received::Lost(Kind::Protocol),
            }
        }
    }
}
