//! A client's connection that remembers the head of the request as it came.
//!
//! hyper reads a message that carries both `Content-Length` and `Transfer-Encoding` by the latter,
//! and hides the former, as RFC 9112 allows. Here such a message is refused: nobody sends one by
//! accident, and another server behind this one might read it differently.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use super::patience::Patience;

/// No head is longer than what hyper reads of one.
pub(super) const HEAD_LENGTH_MAX: usize = 16 * 1024;

/// The bytes that came since the request before, or their beginning.
#[derive(Clone, Debug, Default)]
pub(super) struct RawHead(Arc<Mutex<Vec<u8>>>);

impl RawHead {
    /// Forgets what came: a request is taken, and the next begins behind it.
    pub(super) fn clear(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// Whether the head that came is whole, says `Transfer-Encoding` once, and no length. One that
    /// came together with the request before it is not seen here, and so is not whole.
    pub(super) fn is_plainly_chunked(&self) -> bool {
        let bytes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(end) = find(&bytes, b"\r\n\r\n") else { return false };
        let (mut encodings, mut lengths) = (0, 0);
        for line in bytes[..end].split(|byte| *byte == b'\n').skip(1) {
            let name = line.split(|byte| *byte == b':').next().unwrap_or_default().trim_ascii();
            encodings += usize::from(name.eq_ignore_ascii_case(b"transfer-encoding"));
            lengths += usize::from(name.eq_ignore_ascii_case(b"content-length"));
        }
        encodings == 1 && lengths == 0
    }

    fn add(&self, bytes: &[u8]) {
        let mut head = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let room = HEAD_LENGTH_MAX.saturating_sub(head.len());
        head.extend_from_slice(&bytes[..bytes.len().min(room)]);
    }
}

fn find(bytes: &[u8], what: &[u8]) -> Option<usize> {
    bytes.windows(what.len()).position(|window| window == what)
}

/// The connection.
#[derive(Debug)]
pub(super) struct Remembering {
    stream: TcpStream,
    head: RawHead,
    patience: Patience,
}

impl Remembering {
    pub(super) fn new(stream: TcpStream) -> (Self, RawHead) {
        let head = RawHead::default();
        (Self { stream, head: head.clone(), patience: Patience::default() }, head)
    }
}

impl AsyncRead for Remembering {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let polled = Pin::new(&mut self.stream).poll_read(context, buffer);
        if polled.is_ready() {
            self.head.add(&buffer.filled()[before..]);
        }
        polled
    }
}

impl AsyncWrite for Remembering {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.patience.watch(context, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, slices);
        self.patience.watch(context, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_plain(bytes: &str) -> bool {
        let head = RawHead::default();
        for piece in bytes.as_bytes().chunks(7) {
            head.add(piece);
        }
        head.is_plainly_chunked()
    }

    #[test]
    fn only_a_head_with_one_encoding_and_no_length_is_plainly_chunked() {
        assert!(is_plain("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n"));
        for refused in [
            "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n",
            "POST / HTTP/1.1\r\ncontent-length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
            "POST / HTTP/1.1\r\nTransfer-Encoding: x\r\nTransfer-Encoding: chunked\r\n\r\n",
            "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n",
            "",
        ] {
            assert!(!is_plain(refused), "{refused}");
        }
    }

    #[test]
    fn a_body_is_not_remembered_beyond_what_a_head_may_have() {
        let head = RawHead::default();
        (0..100).for_each(|_| head.add(&[b'x'; 1000]));
        assert_eq!(head.0.lock().unwrap().len(), HEAD_LENGTH_MAX);
    }
}
