//! The few requests that the lab itself makes: readiness, metrics, and faults inside of services.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::Request;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::time::timeout;

/// A page of metrics is some kilobytes; more than this is no page of metrics.
const BODY_BYTES_MAX: usize = 4 << 20;

/// An answer with its whole body.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Bytes,
}

#[derive(Debug, thiserror::Error)]
pub enum HttpError {
    #[error("{address} refuses: {source}")]
    Connect { address: SocketAddr, source: std::io::Error },
    #[error("{address} does not answer within {deadline:?}")]
    Deadline { address: SocketAddr, deadline: Duration },
    #[error("{address} does not speak HTTP: {source}")]
    Http { address: SocketAddr, source: hyper::Error },
    #[error("cannot ask for `{path}`: {source}")]
    Path { path: String, source: hyper::http::Error },
    #[error("the body from {address} is broken or larger than {BODY_BYTES_MAX} bytes: {reason}")]
    Body { address: SocketAddr, reason: String },
}

/// A request.
#[derive(Clone, Debug)]
pub(crate) struct Ask<'a> {
    pub(crate) method: &'static str,
    pub(crate) path: &'a str,
    pub(crate) header: Option<(&'static str, &'a str)>,
    pub(crate) body: Bytes,
}

/// Asks for `path` on a connection of its own.
pub(crate) async fn get(
    address: SocketAddr,
    path: &str,
    deadline: Duration,
) -> Result<Answer, HttpError> {
    send(address, Ask { method: "GET", path, header: None, body: Bytes::new() }, deadline).await
}

/// Asks on a connection of its own.
pub(crate) async fn send(
    address: SocketAddr,
    ask: Ask<'_>,
    deadline: Duration,
) -> Result<Answer, HttpError> {
    timeout(deadline, exchange(address, ask))
        .await
        .unwrap_or(Err(HttpError::Deadline { address, deadline }))
}

async fn exchange(address: SocketAddr, ask: Ask<'_>) -> Result<Answer, HttpError> {
    let request = Request::builder().method(ask.method).uri(ask.path);
    let request = request.header("host", address.to_string()).header("connection", "close");
    let request = match ask.header {
        Some((name, value)) => request.header(name, value),
        None => request,
    };
    let request = request
        .body(Full::new(ask.body))
        .map_err(|source| HttpError::Path { path: ask.path.to_owned(), source })?;
    let stream = TcpStream::connect(address)
        .await
        .map_err(|source| HttpError::Connect { address, source })?;
    let fail = |source| HttpError::Http { address, source };
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(fail)?;
    let answer = async {
        let response = sender.send_request(request).await.map_err(fail)?;
        let status = response.status().as_u16();
        let body = Limited::new(response.into_body(), BODY_BYTES_MAX).collect().await;
        let body = body.map_err(|error| HttpError::Body { address, reason: error.to_string() })?;
        Ok(Answer { status, body: body.to_bytes() })
    };
    // The connection does its work only while it is polled, and it is ours alone.
    tokio::pin!(answer, connection);
    tokio::select! {
        biased;
        answer = &mut answer => answer,
        ended = &mut connection => {
            ended.map_err(fail)?;
            answer.await
        }
    }
}
