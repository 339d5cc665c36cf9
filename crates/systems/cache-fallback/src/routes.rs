//! The service's HTTP surface.

use std::sync::Arc;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue, Request, Response, StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::get;
use serde_json::json;
use standfast_tactics::deadline::{self, Deadline};
use standfast_tactics::session_token::LogPosition;
use tokio::time::{Instant, timeout_at};
use uuid::Uuid;

use super::body::{self, Provenance};
use super::draft::{Draft, Purpose};
use super::offers::{Offers, now_ms};
use super::queries::Subject;
use super::reads::Answer;
use super::search::Search;
use super::writes::{Change, Written};
use crate::service::answer;
use crate::service::idempotency::IdempotencyKey;
use crate::service::problem::Problem;

/// An offer has some 300 bytes.
const BODY_LENGTH_MAX: usize = 16 * 1024;

/// Carries the position of a client's last write to its later reads.
const TOKEN_HEADER: &str = "x-consistency-token";

type App = State<Arc<Offers>>;

pub(super) fn router(offers: Arc<Offers>) -> Router {
    let router = Router::new()
        .route("/offers", get(search).post(create))
        .route("/offers/{id}", get(offer).put(replace))
        .route("/health", get(answer::health))
        .route("/ready", get(ready))
        .route("/metrics", get(metrics));
    answer::with_fallbacks(router).with_state(offers)
}

async fn search(State(offers): App, request: Request<Body>) -> Response<Body> {
    let start = Instant::now();
    let subject = Search::parse(request.uri().query().unwrap_or("")).map(Subject::Search);
    answered(&offers, "search", subject, request.headers(), start).await
}

async fn offer(
    State(offers): App,
    Path(id): Path<String>,
    request: Request<Body>,
) -> Response<Body> {
    let start = Instant::now();
    let subject = match request.uri().query() {
        None | Some("") => offer_id(&id).map(Subject::Offer),
        Some(_) => Err(Problem::bad_request("an offer has no parameters")),
    };
    answered(&offers, "offer", subject, request.headers(), start).await
}

async fn answered(
    offers: &Arc<Offers>,
    operation: &'static str,
    subject: Result<Subject, Problem>,
    headers: &HeaderMap,
    start: Instant,
) -> Response<Body> {
    match read(offers, subject, headers, start).await {
        Ok(answer) => {
            offers.metrics.answered(operation, answer.source.name(), "ok");
            respond(&answer, start)
        }
        Err(problem) => {
            offers.metrics.answered(operation, "none", answer::fault_of(problem.status()));
            problem.into_response()
        }
    }
}

async fn read(
    offers: &Arc<Offers>,
    subject: Result<Subject, Problem>,
    headers: &HeaderMap,
    start: Instant,
) -> Result<Answer, Problem> {
    let subject = subject?;
    let token = match text(headers, TOKEN_HEADER)? {
        Some(token) => token.parse().map_err(|error| Problem::bad_request(format!("{error}")))?,
        None => LogPosition::START,
    };
    let deadline = deadline_of(offers, headers, start)?;
    // Each step keeps to the deadline by itself; this is for what nobody thought of.
    let read = offers.read(subject, token, deadline);
    timeout_at(deadline.instant(), read).await.unwrap_or_else(|_| Err(out_of_time()))
}

fn respond(answer: &Answer, start: Instant) -> Response<Body> {
    let age = answer.entry.age(now_ms());
    let provenance = Provenance { source: answer.source, stale: answer.stale, age };
    let mut response = answer::raw_json(
        StatusCode::OK,
        body::whole(provenance, start.elapsed(), &answer.entry.tail),
    );
    let headers = response.headers_mut();
    headers.insert("x-source", HeaderValue::from_static(answer.source.name()));
    let stale = if answer.stale { "true" } else { "false" };
    headers.insert("x-stale", HeaderValue::from_static(stale));
    headers.insert("x-age-ms", HeaderValue::from(age.as_millis() as u64));
    headers.insert(header::AGE, HeaderValue::from(age.as_secs()));
    if answer.entry.version > 0 {
        headers.insert(header::ETAG, etag(answer.entry.version));
    }
    response
}

async fn create(State(offers): App, request: Request<Body>) -> Response<Body> {
    let start = Instant::now();
    let written = write(&offers, None, request, start).await;
    respond_written(&offers, written)
}

async fn replace(
    State(offers): App,
    Path(id): Path<String>,
    request: Request<Body>,
) -> Response<Body> {
    let start = Instant::now();
    let written = match offer_id(&id) {
        Ok(id) => write(&offers, Some(id), request, start).await,
        Err(problem) => Err(problem),
    };
    respond_written(&offers, written)
}

async fn write(
    offers: &Arc<Offers>,
    id: Option<Uuid>,
    request: Request<Body>,
    start: Instant,
) -> Result<Written, Problem> {
    let (parts, body) = request.into_parts();
    let deadline = deadline_of(offers, &parts.headers, start)?;
    let body = timeout_at(deadline.instant(), to_bytes(body, BODY_LENGTH_MAX))
        .await
        .map_err(|_| out_of_time())?
        .map_err(|_| too_large())?;
    let change = match id {
        None => Change::Create(Draft::parse(&body, Purpose::Create)?),
        Some(id) => {
            let version = if_match(&parts.headers)?;
            Change::Replace { id, draft: Draft::parse(&body, Purpose::Replace)?, version }
        }
    };
    let (method, path) = (parts.method.as_str(), parts.uri.path());
    let key = IdempotencyKey::of_request(&parts.headers, method, path, &body)?;
    offers.write(change, key, deadline).await
}

fn respond_written(offers: &Offers, written: Result<Written, Problem>) -> Response<Body> {
    let written = match written {
        Ok(written) => written,
        Err(problem) => {
            offers.metrics.answered("write", "none", answer::fault_of(problem.status()));
            return problem.into_response();
        }
    };
    offers.metrics.answered("write", "primary", "ok");
    let mut response = answer::raw_json(written.status, written.json);
    let headers = response.headers_mut();
    headers.insert("x-source", HeaderValue::from_static("primary"));
    headers.insert(header::ETAG, etag(written.version.unsigned_abs()));
    let invalidated = if written.is_invalidated { "true" } else { "false" };
    headers.insert("x-invalidated", HeaderValue::from_static(invalidated));
    if let Ok(token) = HeaderValue::try_from(written.token.to_string()) {
        headers.insert(TOKEN_HEADER, token);
    }
    if written.status == StatusCode::CREATED
        && let Ok(location) = HeaderValue::try_from(format!("/offers/{}", written.id))
    {
        headers.insert(header::LOCATION, location);
    }
    response
}

async fn ready(State(offers): App) -> Response<Body> {
    let is_ready = offers.is_ready();
    let dependencies: serde_json::Map<_, _> = offers
        .dependencies()
        .into_iter()
        .map(|one| (one.name.to_owned(), json!(if one.is_usable() { "usable" } else { "away" })))
        .collect();
    let body = json!({ "ready": is_ready, "dependencies": dependencies });
    let status = if is_ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    answer::json(status, &body)
}

async fn metrics(State(offers): App) -> Response<Body> {
    answer::metrics(offers.metrics.render(&offers.readings()))
}

fn etag(version: u32) -> HeaderValue {
    HeaderValue::try_from(format!("\"{version}\"")).expect("digits and quotes are visible ASCII")
}

fn offer_id(text: &str) -> Result<Uuid, Problem> {
    // One spelling only, so that one offer has one copy.
    let is_plain = text.len() == 36;
    Uuid::try_parse(text)
        .ok()
        .filter(|_| is_plain)
        .ok_or_else(|| Problem::bad_request("an offer's id is a UUID"))
}

fn if_match(headers: &HeaderMap) -> Result<Option<i32>, Problem> {
    let Some(value) = text(headers, "if-match")? else { return Ok(None) };
    let version = value.strip_prefix('"').and_then(|value| value.strip_suffix('"'));
    let version = version.and_then(|version| version.parse().ok());
    version.map(Some).ok_or_else(|| {
        Problem::bad_request("If-Match must be one version as ETag gave it, such as \"17\"")
    })
}

fn deadline_of(offers: &Offers, headers: &HeaderMap, start: Instant) -> Result<Deadline, Problem> {
    let value = text(headers, deadline::HEADER)?;
    Deadline::from_header(value, start, offers.budget())
        .map_err(|error| Problem::bad_request(format!("{error}")))
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Result<Option<&'a str>, Problem> {
    let Some(value) = headers.get(name) else { return Ok(None) };
    let value = value.to_str();
    value.map(Some).map_err(|_| Problem::bad_request(format!("header `{name}` must be ASCII")))
}

fn out_of_time() -> Problem {
    let problem =
        Problem::unavailable(std::time::Duration::from_secs(1), "the deadline has passed");
    problem.with_header("x-source", "none")
}

fn too_large() -> Problem {
    let title = "The body is too large";
    let detail = format!("a body may have {BODY_LENGTH_MAX} bytes");
    Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "too-large", title, detail)
}
