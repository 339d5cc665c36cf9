//! Errors as `application/problem+json` (RFC 9457).

use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderValue, Response, StatusCode, header};
use axum::response::IntoResponse;
use serde_json::{Map, Value, json};

/// An error that a client sees.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Problem {
    status: StatusCode,
    /// Names the kind of problem; stable, for programs.
    kind: &'static str,
    title: &'static str,
    detail: String,
    retry_after: Option<Duration>,
    headers: Vec<(&'static str, &'static str)>,
}

impl Problem {
    pub(crate) fn new(
        status: StatusCode,
        kind: &'static str,
        title: &'static str,
        detail: impl Into<String>,
    ) -> Self {
        let (detail, headers) = (detail.into(), Vec::new());
        Self { status, kind, title, detail, retry_after: None, headers }
    }

    /// The request cannot be understood.
    pub(crate) fn bad_request(detail: impl Into<String>) -> Self {
        Self::new(
            StatusCode::BAD_REQUEST,
            "bad-request",
            "The request cannot be understood",
            detail,
        )
    }

    /// The request is understood, and impossible.
    pub(crate) fn unprocessable(detail: impl Into<String>) -> Self {
        let title = "The request cannot be fulfilled as it is";
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "unprocessable", title, detail)
    }

    pub(crate) fn not_found(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not-found", "There is no such thing here", detail)
    }

    /// What the answer needs is away; it is worth asking again after `retry_after`.
    pub(crate) fn unavailable(retry_after: Duration, detail: impl Into<String>) -> Self {
        let title = "What this answer needs is not available";
        let problem = Self::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", title, detail);
        Self { retry_after: Some(retry_after), ..problem }
    }

    /// More is asked for than can be done; it is worth asking again after `retry_after`.
    pub(crate) fn too_many(retry_after: Duration, detail: impl Into<String>) -> Self {
        let title = "Too much is asked for at present";
        let problem = Self::new(StatusCode::TOO_MANY_REQUESTS, "too-many", title, detail);
        Self { retry_after: Some(retry_after), ..problem }
    }

    /// The same problem with one more header.
    pub(crate) fn with_header(mut self, name: &'static str, value: &'static str) -> Self {
        self.headers.push((name, value));
        self
    }

    pub(crate) fn detail(&self) -> &str {
        &self.detail
    }

    pub(crate) fn status(&self) -> StatusCode {
        self.status
    }

    fn body(&self) -> Value {
        let mut body = Map::new();
        body.insert("type".to_owned(), json!(format!("urn:standfast:problem:{}", self.kind)));
        body.insert("title".to_owned(), json!(self.title));
        body.insert("status".to_owned(), json!(self.status.as_u16()));
        body.insert("detail".to_owned(), json!(self.detail));
        Value::Object(body)
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response<Body> {
        self.response()
    }
}

impl Problem {
    /// The response, with a body of whatever kind a server has.
    pub(crate) fn response<B: From<String>>(self) -> Response<B> {
        let mut response = Response::new(B::from(self.body().to_string()));
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Some(retry_after) = self.retry_after {
            // The header knows whole seconds only: never less than it takes.
            let seconds = retry_after.as_millis().div_ceil(1000).max(1);
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds as u64));
        }
        for (name, value) in self.headers {
            headers.insert(name, HeaderValue::from_static(value));
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_unavailable_answer_says_what_and_when_to_come_back() {
        let problem = Problem::unavailable(Duration::from_millis(1001), "the replica is away");
        let response = problem.with_header("x-source", "none").into_response();
        assert_eq!(response.status(), 503);
        assert_eq!(response.headers()["content-type"], "application/problem+json");
        assert_eq!(response.headers()["retry-after"], "2");
        assert_eq!(response.headers()["x-source"], "none");
        let body = axum::body::to_bytes(response.into_body(), 1000).await.unwrap();
        let body: Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(body["status"], 503);
        assert_eq!(body["detail"], "the replica is away");
        assert_eq!(body["type"], "urn:standfast:problem:unavailable");
    }
}
