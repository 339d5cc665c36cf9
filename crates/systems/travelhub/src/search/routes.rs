//! The search service's HTTP surface.

use std::io::Write;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue, Request, Response, StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::get;
use standfast_tactics::degrade::HEADER;
use tokio::time::{Instant, timeout_at};
use uuid::Uuid;

use super::catalogue::{Catalogue, Found};
use super::subject::Subject;
use crate::service::answer;
use crate::service::problem::Problem;
use crate::service::stay_search::Search;

type App = State<Arc<Catalogue>>;

pub(super) fn router(catalogue: Arc<Catalogue>) -> Router {
    let router = Router::new()
        .route("/offers", get(search))
        .route("/offers/{id}", get(offer))
        .route("/health", get(answer::health))
        .route("/ready", get(ready))
        .route("/metrics", get(metrics));
    answer::with_fallbacks(router).with_state(catalogue)
}

async fn search(State(catalogue): App, request: Request<Body>) -> Response<Body> {
    let start = Instant::now();
    let subject = Search::parse(request.uri().query().unwrap_or("")).map(Subject::Search);
    respond(&catalogue, "search", subject, request.headers(), start).await
}

async fn offer(
    State(catalogue): App,
    Path(id): Path<String>,
    request: Request<Body>,
) -> Response<Body> {
    let start = Instant::now();
    let is_plain = id.len() == 36 && request.uri().query().is_none_or(str::is_empty);
    let subject = Uuid::try_parse(&id)
        .ok()
        .filter(|_| is_plain)
        .map(Subject::Offer)
        .ok_or_else(|| Problem::bad_request("an offer has a UUID and no parameters"));
    respond(&catalogue, "offer", subject, request.headers(), start).await
}

async fn respond(
    catalogue: &Arc<Catalogue>,
    operation: &'static str,
    subject: Result<Subject, Problem>,
    headers: &HeaderMap,
    start: Instant,
) -> Response<Body> {
    match find(catalogue, subject, headers, start).await {
        Ok(found) => {
            catalogue.metrics.answered(operation, found.source.name(), found.grade.kind());
            whole(&found, start)
        }
        Err(problem) => {
            let fault = answer::fault_of(problem.status());
            catalogue.metrics.answered(operation, "none", fault);
            problem.into_response()
        }
    }
}

async fn find(
    catalogue: &Arc<Catalogue>,
    subject: Result<Subject, Problem>,
    headers: &HeaderMap,
    start: Instant,
) -> Result<Found, Problem> {
    let subject = subject?;
    let deadline = answer::deadline_of(headers, start, catalogue.settings.request_budget)?;
    // Each step keeps to the deadline by itself; this is for what nobody thought of.
    let read = catalogue.read(subject, deadline);
    timeout_at(deadline.instant(), read).await.unwrap_or_else(|_| Err(answer::out_of_time()))
}

/// The fields that differ each time, in front of bytes that do not.
fn whole(found: &Found, start: Instant) -> Response<Body> {
    let Found { tail, age, source, grade } = found;
    let mut body = Vec::with_capacity(160 + tail.len());
    let elapsed_us = start.elapsed().as_micros();
    // Writing to a vector cannot fail.
    let _ = write!(
        body,
        r#"{{"answer":{{"kind":"{}","age_ms":{}}},"source":"{}","elapsed_ms":{}.{:03},"#,
        grade.kind(),
        age.as_millis(),
        source.name(),
        elapsed_us / 1000,
        elapsed_us % 1000,
    );
    body.extend_from_slice(tail);
    let mut response = answer::raw_json(StatusCode::OK, body);
    let headers = response.headers_mut();
    headers.insert("x-source", HeaderValue::from_static(source.name()));
    headers.insert(header::AGE, HeaderValue::from(age.as_secs()));
    let grade = HeaderValue::try_from(grade.header_value());
    headers.insert(HEADER, grade.expect("a grade is always valid in a header"));
    response
}

async fn ready(State(catalogue): App) -> Response<Body> {
    answer::ready(catalogue.is_ready(), "the database is away")
}

async fn metrics(State(catalogue): App) -> Response<Body> {
    answer::metrics(catalogue.metrics.render())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use bytes::Bytes;
    use serde_json::json;
    use standfast_tactics::degrade::Grade;

    use super::super::catalogue::Source;
    use super::*;

    #[tokio::test]
    async fn an_answer_says_in_body_and_header_how_good_it_is() {
        let age = Duration::from_millis(1234);
        let tail = Bytes::from_static(br#""total":2}"#);
        let found = Found { tail, age, source: Source::Cache, grade: Grade::Stale { age } };
        let response = whole(&found, Instant::now());
        assert_eq!(response.headers()[HEADER], "stale; age=1234");
        let body = axum::body::to_bytes(response.into_body(), 1000).await.unwrap();
        let body: serde_json::Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(body["answer"], json!({ "kind": "stale", "age_ms": 1234 }));
        assert_eq!((&body["source"], &body["total"]), (&json!("cache"), &json!(2)));
    }
}
