//! What is asked of an upstream, as it is before an instance is chosen.

use bytes::Bytes;
use hyper::header::{CONTENT_LENGTH, HOST, HeaderName, HeaderValue};
use hyper::http::uri::PathAndQuery;
use hyper::{HeaderMap, Method, Request, Uri};
use standfast_tactics::deadline::{self, Deadline};
use tokio::time::Instant;

use super::super::body::Outbound;
use crate::service::peer::PeerAddress;

const DEADLINE: HeaderName = HeaderName::from_static(deadline::HEADER);

/// One attempt at a call.
#[derive(Clone, Copy, Debug)]
pub(in super::super) struct Attempt {
    pub(in super::super) deadline: Deadline,
    /// Whether the upstream has all the time that it should need. If a client wants its answer
    /// sooner than that, its impatience is not held against the upstream: anybody could have a
    /// breaker opened for all the others.
    pub(in super::super) has_full_time: bool,
    /// Another instance than this, if there is one.
    pub(in super::super) avoided: Option<usize>,
}

/// A request without its body.
#[derive(Debug)]
pub(in super::super) struct Ask {
    pub(in super::super) method: Method,
    pub(in super::super) target: PathAndQuery,
    /// Those that go on to the upstream, and the gateway's own.
    pub(in super::super) headers: HeaderMap,
    /// Nothing for a read. Absent for what is streamed, which can be sent only once.
    pub(in super::super) body: Option<Bytes>,
}

impl Ask {
    /// The request to an instance. `body` is what there is no second of.
    pub(super) fn request(
        &self,
        address: &PeerAddress,
        deadline: Deadline,
        body: Outbound,
    ) -> Request<Outbound> {
        let mut request = Request::new(body);
        *request.method_mut() = self.method.clone();
        *request.uri_mut() = Uri::from(self.target.clone());
        let headers = request.headers_mut();
        *headers = self.headers.clone();
        headers.insert(HOST, address.host().clone());
        let left = u64::try_from(deadline.remaining(Instant::now()).as_millis());
        headers.insert(DEADLINE, HeaderValue::from(left.unwrap_or(u64::MAX)));
        // The length is that of the body, whatever the client's headers said.
        headers.remove(CONTENT_LENGTH);
        request
    }
}
