//! Responses as Go's server makes them, down to the content types of its quirks.

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{CONTENT_TYPE, HeaderName, HeaderValue, LOCATION, X_CONTENT_TYPE_OPTIONS};
use hyper::{Response, StatusCode};
use serde::Serialize;

use super::go_json::marshal;

pub(super) type Body = Full<Bytes>;

pub(super) const REQUEST_ID: HeaderName = HeaderName::from_static("x-toxiproxy-request-id");

const JSON: HeaderValue = HeaderValue::from_static("application/json");
const PROBLEM: HeaderValue = HeaderValue::from_static("application/problem+json");
const PLAIN: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");

pub(super) fn json(status: StatusCode, document: &impl Serialize) -> Response<Body> {
    with_type(status, JSON, marshal(document))
}

/// An error of Toxiproxy's. Go's `http.Error` overwrites the content type, and adds a line feed.
pub(super) fn error(status: StatusCode, text: &str) -> Response<Body> {
    let mut body = marshal(&Refusal { error: text, status: status.as_u16() });
    body.push(b'\n');
    as_http_error(status, body)
}

#[derive(Debug, Serialize)]
struct Refusal<'a> {
    error: &'a str,
    status: u16,
}

/// A text that is no JSON, as Go's `http.Error` sends it.
pub(super) fn plain_error(status: StatusCode, text: &str) -> Response<Body> {
    as_http_error(status, format!("{text}\n").into_bytes())
}

fn as_http_error(status: StatusCode, body: Vec<u8>) -> Response<Body> {
    let mut response = with_type(status, PLAIN, body);
    let nosniff = HeaderValue::from_static("nosniff");
    response.headers_mut().insert(X_CONTENT_TYPE_OPTIONS, nosniff);
    response
}

/// An error of our own interface (RFC 9457).
pub(super) fn problem(status: StatusCode, detail: &str) -> Response<Body> {
    let title = status.canonical_reason().unwrap_or_default();
    with_type(status, PROBLEM, marshal(&Problem { title, status: status.as_u16(), detail }))
}

#[derive(Debug, Serialize)]
struct Problem<'a> {
    title: &'a str,
    status: u16,
    detail: &'a str,
}

pub(super) fn empty(status: StatusCode) -> Response<Body> {
    let mut response = Response::new(Body::default());
    *response.status_mut() = status;
    response
}

pub(super) fn moved(path: &str, query: Option<&str>) -> Response<Body> {
    let target = query.map_or(path.to_owned(), |query| format!("{path}?{query}"));
    let mut response = empty(StatusCode::MOVED_PERMANENTLY);
    let location = HeaderValue::try_from(target).expect("an encoded path is printable");
    response.headers_mut().insert(LOCATION, location);
    response
}

pub(super) fn text(content_type: &'static str, text: String) -> Response<Body> {
    with_type(StatusCode::OK, HeaderValue::from_static(content_type), text.into_bytes())
}

fn with_type(status: StatusCode, content_type: HeaderValue, body: Vec<u8>) -> Response<Body> {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, content_type);
    response
}
