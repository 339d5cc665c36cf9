//! The connections to one service: few are opened, since they are kept, and a bounded number of
//! calls is out at once, so that a service that hangs holds no more than these.

use std::pin::pin;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use axum::body::{Body, Bytes, to_bytes};
use axum::http::{Method, Request, StatusCode, header};
use standfast_tactics::deadline::{self, Deadline};
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout_at};

use super::address::PeerAddress;
use super::connection::{ConnectError, Connection};

/// On one machine a connection is there at once, or the path is cut.
const CONNECT_TIME_MAX: Duration = Duration::from_millis(100);

/// A timer of a process that runs is not later than this.
const TIMER_LATE_MAX: Duration = Duration::from_millis(10);

/// To read what is here takes some turns of the runtime, and no waiting.
const READING_TIME_MAX: Duration = Duration::from_millis(20);

/// What one service may take of another.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PeerLimits {
    /// More calls at once are refused.
    pub(crate) calls_max: usize,
    /// A longer answer is none.
    pub(crate) response_length_max: usize,
}

/// What is asked.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub(crate) method: Method,
    /// Path and query.
    pub(crate) path: String,
    /// JSON; nothing for a GET. It may arrive twice.
    pub(crate) body: Bytes,
    /// Besides those that every call has.
    pub(crate) headers: Vec<(&'static str, String)>,
}

impl Call {
    pub(crate) fn get(path: impl Into<String>) -> Self {
        let (method, body, headers) = (Method::GET, Bytes::new(), Vec::new());
        Self { method, path: path.into(), body, headers }
    }

    pub(crate) fn post(path: impl Into<String>, body: Vec<u8>) -> Self {
        let (method, body, headers) = (Method::POST, body.into(), Vec::new());
        Self { method, path: path.into(), body, headers }
    }

    pub(crate) fn with_header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }
}

/// What was answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Response {
    pub(crate) status: StatusCode,
    pub(crate) body: Bytes,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CallError {
    #[error("as many calls are out as may be")]
    Busy,
    #[error("no connection: {0}")]
    Connect(#[from] ConnectError),
    #[error("no answer in time")]
    Timeout,
    #[error("the connection broke: {0}")]
    Broken(#[from] hyper::Error),
    #[error("the answer is cut off or too long: {0}")]
    Body(#[source] axum::Error),
    #[error("the request is no HTTP: {0}")]
    Request(#[from] axum::http::Error),
}

/// A deadline that passed longer ago than a timer is late passed while this process stood still, or
/// was starved: answers the deadline by which what has come in meanwhile is read.
pub(crate) fn own_pause(deadline: Deadline, now: Instant) -> Option<Deadline> {
    let was_paused = now > deadline.instant() + TIMER_LATE_MAX;
    was_paused.then(|| Deadline::after(now, READING_TIME_MAX))
}

/// A service that is called.
#[derive(Debug)]
pub(crate) struct Peer {
    address: PeerAddress,
    limits: PeerLimits,
    places: Semaphore,
    idle: Mutex<Vec<Connection>>,
}

impl Peer {
    pub(crate) fn new(address: PeerAddress, limits: PeerLimits) -> Self {
        let places = Semaphore::new(limits.calls_max);
        Self { address, limits, places, idle: Mutex::new(Vec::new()) }
    }

    /// Makes `call`, at most until `deadline`, which the callee is told. Dropped meanwhile, it
    /// closes its connection: an answer that nobody waits for must not be in the way of the next.
    pub(crate) async fn call(
        &self,
        call: &Call,
        deadline: Deadline,
    ) -> Result<Response, CallError> {
        let _place = self.places.try_acquire().map_err(|_| CallError::Busy)?;
        let mut call = pin!(self.call_in_time(call, deadline));
        if let Ok(result) = timeout_at(deadline.instant(), call.as_mut()).await {
            return result;
        }
        // When it was we who stood still, the answer may be here and only not read yet.
        let Some(grace) = own_pause(deadline, Instant::now()) else {
            return Err(CallError::Timeout);
        };
        timeout_at(grace.instant(), call).await.unwrap_or(Err(CallError::Timeout))
    }

    /// Calls that are out, and connections that are kept.
    pub(crate) fn occupancy(&self) -> (usize, usize) {
        let out = self.limits.calls_max - self.places.available_permits();
        (out, self.idle.lock().unwrap_or_else(PoisonError::into_inner).len())
    }

    async fn call_in_time(&self, call: &Call, deadline: Deadline) -> Result<Response, CallError> {
        while let Some(mut connection) = self.take_idle() {
            // One that broke before it took anything says nothing but that the peer has restarted.
            if connection.ready().await.is_ok() {
                match self.exchange(connection, call, deadline).await {
                    Err(CallError::Broken(error)) => {
                        tracing::debug!(%error, "a kept connection was of no more use");
                        break;
                    }
                    result => return result,
                }
            }
        }
        let open = Connection::open(self.address.authority());
        let until = deadline.cap(Instant::now(), CONNECT_TIME_MAX).instant();
        let opened = timeout_at(until, open).await.map_err(|_| CallError::Timeout)?;
        self.exchange(opened?, call, deadline).await
    }

    async fn exchange(
        &self,
        mut connection: Connection,
        call: &Call,
        deadline: Deadline,
    ) -> Result<Response, CallError> {
        let mut request = Request::builder()
            .method(call.method.clone())
            .uri(call.path.as_str())
            .header(header::HOST, self.address.host())
            .header(deadline::HEADER, deadline.header_value(Instant::now()));
        for (name, value) in &call.headers {
            request = request.header(*name, value);
        }
        if !call.body.is_empty() {
            request = request.header(header::CONTENT_TYPE, "application/json");
        }
        let request = request.body(Body::from(call.body.clone()))?;
        let (parts, body) = connection.send(request).await?.into_parts();
        let body = to_bytes(Body::new(body), self.limits.response_length_max).await;
        let body = body.map_err(CallError::Body)?;
        self.keep(connection);
        Ok(Response { status: parts.status, body })
    }

    /// The connection that was used last: it is the least likely to have been closed meanwhile.
    fn take_idle(&self) -> Option<Connection> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        while let Some(connection) = idle.pop() {
            if !connection.is_closed() {
                return Some(connection);
            }
        }
        None
    }

    fn keep(&self, connection: Connection) {
        if !connection.is_closed() {
            self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(connection);
        }
    }
}

#[cfg(test)]
mod tests;
