//! What the HTTP surfaces of services share: answers in JSON, deadlines, bodies, what is not there.

use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use axum::response::IntoResponse;
use serde::Serialize;
use serde_json::json;
use standfast_tactics::deadline::{self, Deadline};
use tokio::time::{Instant, timeout_at};

use super::problem::Problem;

/// A service that is not ready is worth asking again after this.
const READY_AGAIN: Duration = Duration::from_secs(1);

/// `value` as JSON.
pub(crate) fn json(status: StatusCode, value: &impl Serialize) -> Response<Body> {
    let body = serde_json::to_vec(value).expect("answers have string keys and plain values");
    raw_json(status, body)
}

/// `text`, which is JSON already.
pub(crate) fn raw_json(status: StatusCode, text: impl Into<Body>) -> Response<Body> {
    let mut response = Response::new(text.into());
    *response.status_mut() = status;
    let kind = HeaderValue::from_static("application/json");
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    response
}

/// Answers `result`, once `count` was told how it went: `ok`, or as [`fault_of`] says.
pub(crate) fn counted(
    result: Result<Response<Body>, Problem>,
    count: impl FnOnce(&'static str),
) -> Response<Body> {
    count(result.as_ref().map_or_else(|problem| fault_of(problem.status()), |_| "ok"));
    result.unwrap_or_else(IntoResponse::into_response)
}

/// That the service lives: all that `/health` says, unless a service has more to tell.
pub(crate) async fn health() -> Response<Body> {
    json(StatusCode::OK, &json!({ "status": "ok" }))
}

/// Whether the service can do its work; if not, what it waits for.
pub(crate) fn ready(is_ready: bool, awaited: &str) -> Response<Body> {
    if is_ready {
        return json(StatusCode::OK, &json!({ "ready": true }));
    }
    Problem::unavailable(READY_AGAIN, awaited).into_response()
}

/// `text` as Prometheus reads it.
pub(crate) fn metrics(text: String) -> Response<Body> {
    let mut response = Response::new(Body::from(text));
    let kind = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    response
}

/// Answers problems where `router` has nothing.
pub(crate) fn with_fallbacks<S: Clone + Send + Sync + 'static>(router: Router<S>) -> Router<S> {
    router
        .fallback(async || Problem::not_found("there is nothing under this path"))
        .method_not_allowed_fallback(async || {
            let title = "This method cannot be used here";
            Problem::new(StatusCode::METHOD_NOT_ALLOWED, "method-not-allowed", title, title)
        })
}

/// The deadline of a request that arrived at `start`: its client's, and never more than `budget`.
pub(crate) fn deadline_of(
    headers: &HeaderMap,
    start: Instant,
    budget: Duration,
) -> Result<Deadline, Problem> {
    let value = headers.get(deadline::HEADER).map(HeaderValue::to_str).transpose();
    let value = value.map_err(|_| {
        Problem::bad_request(format!("header `{}` must be ASCII", deadline::HEADER))
    })?;
    Deadline::from_header(value, start, budget)
        .map_err(|error| Problem::bad_request(format!("{error}")))
}

/// The whole body, if it is there by `deadline` and has at most `length_max` bytes.
pub(crate) async fn body(
    body: Body,
    length_max: usize,
    deadline: Deadline,
) -> Result<Bytes, Problem> {
    let whole = timeout_at(deadline.instant(), to_bytes(body, length_max)).await;
    whole.map_err(|_| out_of_time())?.map_err(|_| {
        let title = "The body is too large";
        let detail = format!("a body may have {length_max} bytes");
        Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "too-large", title, detail)
    })
}

/// The answer when the deadline passes first.
pub(crate) fn out_of_time() -> Problem {
    Problem::unavailable(Duration::from_secs(1), "the deadline has passed")
}

/// Of a refused request: whether it was the client's fault.
pub(crate) fn fault_of(status: StatusCode) -> &'static str {
    if status.is_client_error() { "refused" } else { "failed" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_counted_by_how_it_went_and_answered_all_the_same() {
        let problem = |status| Problem::new(status, "kind", "A title", "a detail");
        let results = [
            (Ok(raw_json(StatusCode::CREATED, "{}")), "ok"),
            (Err(problem(StatusCode::CONFLICT)), "refused"),
            (Err(problem(StatusCode::SERVICE_UNAVAILABLE)), "failed"),
        ];
        for (result, expected) in results {
            let status = result.as_ref().map_or_else(Problem::status, Response::status);
            let mut outcomes = Vec::new();
            let response = counted(result, |outcome| outcomes.push(outcome));
            assert_eq!((outcomes, response.status()), (vec![expected], status));
        }
    }

    #[tokio::test]
    async fn who_is_not_ready_says_what_is_awaited_and_when_to_ask_again() {
        assert_eq!(ready(true, "the database is away").status(), 200);
        let response = ready(false, "the database is away");
        assert_eq!(response.status(), 503);
        assert_eq!(response.headers()["retry-after"], "1");
        let body = to_bytes(response.into_body(), 1000).await.unwrap();
        assert!(String::from_utf8_lossy(&body).contains("the database is away"));
    }
}
