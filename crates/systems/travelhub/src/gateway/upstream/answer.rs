//! What an upstream answered. Short answers are held until they are whole, so that one that breaks
//! off can still be replaced by another; longer ones are passed on piece by piece.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use hyper::http::response::Parts;
use standfast_tactics::bulkhead::Seat;
use tokio::time::{Instant, Sleep, sleep};

use super::super::body::BodyError;
use super::connection::Connection;
use super::instance::Calling;

/// What comes in one read, nearly always.
pub(super) const WHOLE_MAX: u64 = 64 * 1024;

/// A place in the bulkhead is for what the upstream has to do. Whoever is still not through with an
/// answer after this is slow himself, and would keep the place from others for as long as he likes.
const SEAT_TIME_MAX: Duration = Duration::from_secs(5);

/// An upstream that has begun a long answer and then says nothing for so long will say no more.
const SILENCE_MAX: Duration = Duration::from_secs(10);

#[derive(Debug)]
pub(in super::super) struct Answer {
    pub(in super::super) parts: Parts,
    pub(in super::super) body: Reply,
}

/// The body of an answer to a client.
#[derive(Debug)]
pub(in super::super) enum Reply {
    Whole(Bytes),
    Streamed(Box<Streamed>),
}

/// An answer that is still coming, and what it holds meanwhile.
#[derive(Debug)]
pub(in super::super) struct Streamed {
    pub(super) incoming: Incoming,
    /// None once all of it has come.
    pub(super) connection: Option<Connection>,
    pub(super) calling: Calling,
    pub(super) seat: Option<Seat>,
    begun_at: Instant,
    /// Runs while nothing comes.
    silence: Option<Pin<Box<Sleep>>>,
}

impl From<String> for Reply {
    fn from(text: String) -> Self {
        Self::Whole(text.into())
    }
}

impl Streamed {
    pub(super) fn new(
        incoming: Incoming,
        connection: Connection,
        calling: Calling,
        seat: Seat,
    ) -> Self {
        let (connection, seat) = (Some(connection), Some(seat));
        Self { incoming, connection, calling, seat, begun_at: Instant::now(), silence: None }
    }

    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let Some(connection) = &mut self.connection else { return Poll::Ready(None) };
        match connection.poll_frame(&mut self.incoming, context) {
            Poll::Ready(None) => {
                self.end();
                Poll::Ready(None)
            }
            Poll::Ready(Some(Err(error))) => {
                self.connection = None;
                Poll::Ready(Some(Err(error)))
            }
            Poll::Ready(Some(Ok(frame))) => {
                // It is reset and not removed: the next silence is likely to come.
                if let Some(silence) = &mut self.silence {
                    silence.as_mut().reset(Instant::now() + SILENCE_MAX);
                }
                if self.incoming.is_end_stream() {
                    self.end();
                } else if self.seat.is_some() && self.begun_at.elapsed() >= SEAT_TIME_MAX {
                    self.seat = None;
                }
                Poll::Ready(Some(Ok(frame)))
            }
            Poll::Pending => {
                let silence = self.silence.get_or_insert_with(|| Box::pin(sleep(SILENCE_MAX)));
                std::task::ready!(silence.as_mut().poll(context));
                self.connection = None;
                Poll::Ready(Some(Err(BodyError::Stalled)))
            }
        }
    }

    fn end(&mut self) {
        if let Some(connection) = self.connection.take() {
            self.calling.instance().keep(connection);
        }
        self.seat = None;
    }
}

impl Body for Reply {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        match self.get_mut() {
            Self::Whole(bytes) if bytes.is_empty() => Poll::Ready(None),
            Self::Whole(bytes) => Poll::Ready(Some(Ok(Frame::data(std::mem::take(bytes))))),
            Self::Streamed(streamed) => streamed.poll(context),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Whole(bytes) => bytes.is_empty(),
            Self::Streamed(streamed) => {
                streamed.connection.is_none() || streamed.incoming.is_end_stream()
            }
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(bytes) => SizeHint::with_exact(bytes.len() as u64),
            Self::Streamed(streamed) => streamed.incoming.size_hint(),
        }
    }
}

/// The body of `incoming` as it comes on `connection`, for [`super::super::body::collect`].
#[derive(Debug)]
pub(super) struct Coming<'a> {
    pub(super) incoming: Incoming,
    pub(super) connection: &'a mut Connection,
}

impl Body for Coming<'_> {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let Self { incoming, connection } = self.get_mut();
        connection.poll_frame(incoming, context)
    }
}
