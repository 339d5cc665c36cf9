//! One kept HTTP connection, as much of HTTP as an order takes.

use std::io::{Error, ErrorKind};
use std::net::SocketAddr;

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// More headers than Nginx and the services send.
const HEADERS_MAX: usize = 32;

#[derive(Debug)]
pub(crate) struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
    /// The other side ends it.
    is_over: bool,
}

#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// Null when it is no JSON.
    pub(crate) body: Value,
}

/// The head of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Head {
    pub(crate) status: u16,
    pub(crate) head_length: usize,
    pub(crate) body_length: usize,
    /// No other one comes over this connection.
    pub(crate) is_last: bool,
}

impl Connection {
    pub(crate) async fn open(address: SocketAddr) -> Result<Self, Error> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, buffer: Vec::new(), is_over: false })
    }

    /// Nginx ends a connection after a thousand requests, and says so before.
    pub(crate) fn is_over(&self) -> bool {
        self.is_over
    }

    /// Sends a request, and reads its answer.
    pub(crate) async fn exchange(&mut self, request: &[u8]) -> Result<Answer, Error> {
        self.buffer.clear();
        self.stream.write_all(request).await?;
        loop {
            if self.stream.read_buf(&mut self.buffer).await? == 0 {
                return Err(ErrorKind::UnexpectedEof.into());
            }
            let Some(head) = head(&self.buffer)? else { continue };
            let end = head.head_length + head.body_length;
            if let Some(body) = self.buffer.get(head.head_length..end) {
                self.is_over = head.is_last;
                let body = serde_json::from_slice(body).unwrap_or(Value::Null);
                return Ok(Answer { status: head.status, body });
            }
        }
    }
}

/// The head at the start of `bytes`; `None` while it is incomplete.
pub(crate) fn head(bytes: &[u8]) -> Result<Option<Head>, Error> {
    let mut headers = [httparse::EMPTY_HEADER; HEADERS_MAX];
    let mut response = httparse::Response::new(&mut headers);
    let wrong = |what: String| Error::new(ErrorKind::InvalidData, what);
    let parsed = response.parse(bytes).map_err(|error| wrong(error.to_string()))?;
    let (httparse::Status::Complete(head_length), Some(status)) = (parsed, response.code) else {
        return Ok(None);
    };
    let value = |name: &str| {
        let found = response.headers.iter().find(|header| header.name.eq_ignore_ascii_case(name));
        found.and_then(|header| std::str::from_utf8(header.value).ok())
    };
    let length = value("content-length").and_then(|length| length.parse().ok());
    let body_length = length.ok_or_else(|| wrong(format!("a {status} without a length")))?;
    let is_last = value("connection").is_some_and(|value| value.eq_ignore_ascii_case("close"));
    Ok(Some(Head { status, head_length, body_length, is_last }))
}
