//! Bodies on their way through: whole ones, which can be sent again, and streams, of which no more
//! is held than one piece.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::{Bytes, BytesMut};
use hyper::body::{Body, Frame, Incoming, SizeHint};

/// Why a body ended early.
#[derive(Debug, thiserror::Error)]
pub(super) enum BodyError {
    #[error("the body is longer than {0} bytes")]
    TooLong(u64),
    #[error("the body broke off: {0}")]
    Broken(#[from] hyper::Error),
    #[error("the rest of the answer did not come in time")]
    Stalled,
}

/// The body of a request to an upstream.
#[derive(Debug)]
pub(super) enum Outbound {
    Whole(Bytes),
    /// As the client sends it, and at most `length_max` bytes of it.
    Streamed {
        incoming: Incoming,
        sent: u64,
        length_max: u64,
    },
}

impl Outbound {
    pub(super) fn empty() -> Self {
        Self::Whole(Bytes::new())
    }

    /// What a client sends, passed on piece by piece.
    pub(super) fn streamed(incoming: Incoming, length_max: u64) -> Self {
        Self::Streamed { incoming, sent: 0, length_max }
    }
}

impl Body for Outbound {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        match self.get_mut() {
            Self::Whole(bytes) if bytes.is_empty() => Poll::Ready(None),
            Self::Whole(bytes) => Poll::Ready(Some(Ok(Frame::data(std::mem::take(bytes))))),
            Self::Streamed { incoming, sent, length_max } => {
                let polled = Pin::new(incoming).poll_frame(context);
                polled.map(|frame| {
                    let frame = match frame? {
                        Ok(frame) => frame,
                        Err(error) => return Some(Err(error.into())),
                    };
                    // Trailers are of one hop only.
                    let data = frame.into_data().ok()?;
                    *sent += data.len() as u64;
                    if *sent > *length_max {
                        return Some(Err(BodyError::TooLong(*length_max)));
                    }
                    Some(Ok(Frame::data(data)))
                })
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Whole(bytes) => bytes.is_empty(),
            Self::Streamed { incoming, .. } => incoming.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(bytes) => SizeHint::with_exact(bytes.len() as u64),
            Self::Streamed { incoming, .. } => incoming.size_hint(),
        }
    }
}

/// All of `body`, if it has at most `length_max` bytes.
pub(super) async fn collect(
    mut body: impl Body<Data = Bytes, Error: Into<BodyError>> + Unpin,
    length_max: u64,
) -> Result<Bytes, BodyError> {
    let (mut first, mut more) = (Bytes::new(), BytesMut::new());
    while let Some(frame) =
        std::future::poll_fn(|context| Pin::new(&mut body).poll_frame(context)).await
    {
        let Ok(data) = frame.map_err(Into::into)?.into_data() else { continue };
        let length = first.len() + more.len() + data.len();
        if length as u64 > length_max {
            return Err(BodyError::TooLong(length_max));
        }
        // Nearly always there is one piece, which then is not copied.
        if first.is_empty() && more.is_empty() {
            first = data;
        } else {
            more.extend_from_slice(&std::mem::take(&mut first));
            more.extend_from_slice(&data);
        }
    }
    Ok(if more.is_empty() { first } else { more.freeze() })
}
