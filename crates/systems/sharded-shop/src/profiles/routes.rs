//! The HTTP surface of the profiles.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, RawQuery, State};
use axum::http::{HeaderMap, HeaderValue, Request, Response, StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::{get, post};
use serde_json::json;
use standfast_tactics::deadline::Deadline;
use standfast_tactics::replica_router::{Session, Standing};
use standfast_tactics::session_token::LogPosition;
use tokio::time::Instant;
use uuid::Uuid;

use super::desk::Desk;
use super::draft::{CredentialsDraft, NewDraft, PublicDraft, demand};
use super::metrics::ServerState;
use super::reads::whole_ms;
use super::writes::{Change, Written};
use crate::service::answer;
use crate::service::idempotency::IdempotencyKey;
use crate::service::problem::Problem;

/// A profile has some 500 bytes.
const BODY_LENGTH_MAX: usize = 4096;

/// What a session has seen and written, so that it never sees less.
const TOKEN_HEADER: &str = "x-session-token";

type App = State<Arc<Desk>>;

pub(super) fn router(desk: Arc<Desk>) -> Router {
    let router = Router::new()
        .route("/profiles", post(create))
        .route("/profiles/{id}", get(show).put(rename))
        .route("/profiles/{id}/credentials", get(credentials).put(identify))
        .route("/replicas", get(replicas))
        .route("/health", get(answer::health))
        .route("/ready", get(ready))
        .route("/metrics", get(metrics));
    answer::with_fallbacks(router).with_state(desk)
}

async fn show(
    State(desk): App,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response<Body> {
    let start = Instant::now();
    let result = async {
        let (id, mut session) = (profile_id(&id)?, session_of(&headers)?);
        let demand = demand(query.as_deref(), desk.settings.lag_max)?;
        let deadline = deadline_of(&desk, &headers, start)?;
        let answer = desk.read(id, session.wish(demand), deadline).await?;
        session.saw(answer.shown);
        let source = answer.source.name();
        let Some((json, version)) = answer.found else {
            return Err(Problem::not_found("there is no profile with this id"));
        };
        let mut response = answer::raw_json(StatusCode::OK, json);
        mark(&mut response, source, session.token());
        let headers = response.headers_mut();
        headers.insert(header::ETAG, etag(version));
        if let Some(age) = answer.age {
            headers.insert("x-age-ms", HeaderValue::from(whole_ms(age)));
        }
        Ok((source, response))
    };
    let result = result.await;
    respond(&desk, "read", result)
}

async fn credentials(
    State(desk): App,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Response<Body> {
    let start = Instant::now();
    let result = async {
        let (id, mut session) = (profile_id(&id)?, session_of(&headers)?);
        let deadline = deadline_of(&desk, &headers, start)?;
        let (found, shown) = desk.credentials(id, deadline).await?;
        session.saw(shown);
        let found = found.ok_or_else(|| Problem::not_found("there is no profile with this id"))?;
        let mut response = answer::json(StatusCode::OK, &found.json());
        mark(&mut response, "primary", session.token());
        let headers = response.headers_mut();
        headers.insert(header::ETAG, etag(found.version.unsigned_abs()));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        Ok(("primary", response))
    };
    let result = result.await;
    respond(&desk, "credentials", result)
}

async fn create(State(desk): App, request: Request<Body>) -> Response<Body> {
    let change = |body: &[u8], _: Option<i32>| {
        Ok(Change::Create { id: Uuid::now_v7(), draft: NewDraft::parse(body)? })
    };
    written(&desk, "create", request, change).await
}

async fn rename(
    State(desk): App,
    Path(id): Path<String>,
    request: Request<Body>,
) -> Response<Body> {
    let change = |body: &[u8], version| {
        Ok(Change::Rename { id: profile_id(&id)?, draft: PublicDraft::parse(body)?, version })
    };
    written(&desk, "rename", request, change).await
}

async fn identify(
    State(desk): App,
    Path(id): Path<String>,
    request: Request<Body>,
) -> Response<Body> {
    let change = |body: &[u8], version| {
        let draft = CredentialsDraft::parse(body)?;
        Ok(Change::Identify { id: profile_id(&id)?, draft, version })
    };
    written(&desk, "identify", request, change).await
}

async fn written(
    desk: &Desk,
    operation: &'static str,
    request: Request<Body>,
    change: impl FnOnce(&[u8], Option<i32>) -> Result<Change, Problem>,
) -> Response<Body> {
    let result = write(desk, request, change).await.map(|written| {
        let mut response = answer::raw_json(written.status, written.json);
        mark(&mut response, "primary", written.token);
        let told = if written.is_invalidated { "true" } else { "false" };
        response.headers_mut().insert("x-invalidated", HeaderValue::from_static(told));
        ("primary", response)
    });
    respond(desk, operation, result)
}

async fn write(
    desk: &Desk,
    request: Request<Body>,
    change: impl FnOnce(&[u8], Option<i32>) -> Result<Change, Problem>,
) -> Result<Written, Problem> {
    let start = Instant::now();
    let (parts, body) = request.into_parts();
    let deadline = deadline_of(desk, &parts.headers, start)?;
    let body = answer::body(body, BODY_LENGTH_MAX, deadline).await?;
    let change = change(&body, if_match(&parts.headers)?)?;
    let (method, path) = (parts.method.as_str(), parts.uri.path());
    let key = IdempotencyKey::of_request(&parts.headers, method, path, &body)?;
    desk.write(change, key, deadline).await
}

fn respond(
    desk: &Desk,
    operation: &'static str,
    result: Result<(&'static str, Response<Body>), Problem>,
) -> Response<Body> {
    match result {
        Ok((source, response)) => {
            desk.metrics.answered(operation, source, "ok");
            response
        }
        Err(problem) => {
            desk.metrics.answered(operation, "none", answer::fault_of(problem.status()));
            problem.with_header("x-source", "none").into_response()
        }
    }
}

/// Who is read, and how far each server is.
async fn replicas(State(desk): App) -> Response<Body> {
    let now = Instant::now();
    let servers = desk.servers.iter().enumerate().map(|(index, server)| {
        let is_replica = desk.is_replica(index);
        desk.router.with(|router| {
            let lag = router.lag(index, now).as_millis() as u64;
            json!({
                "server": server.name,
                "role": if is_replica { "replica" } else { "primary or away" },
                "standing": format!("{:?}", router.standing(index)),
                "shows": router.shows(index).to_string(),
                "lag_ms": lag,
                "reading": router.in_flight(index),
            })
        })
    });
    let servers: Vec<_> = servers.collect();
    answer::json(StatusCode::OK, &json!({ "servers": servers }))
}

async fn ready(State(desk): App) -> Response<Body> {
    answer::ready(desk.is_ready(), "the primary, a replica or the cache was not seen yet")
}

async fn metrics(State(desk): App) -> Response<Body> {
    let now = Instant::now();
    let state = |(index, name): (usize, &String)| {
        desk.router.with(|router| ServerState {
            name: name.clone(),
            is_read: router.standing(index) == Standing::In,
            lag_seconds: router.lag(index, now).as_secs_f64(),
        })
    };
    let names = desk.servers.iter().map(|server| &server.name).enumerate();
    let states: Vec<_> = names.map(state).collect();
    answer::metrics(desk.metrics.render(&states, desk.cache.pending.list().len()))
}

fn mark(response: &mut Response<Body>, source: &'static str, token: LogPosition) {
    let headers = response.headers_mut();
    headers.insert("x-source", HeaderValue::from_static(source));
    if let Ok(token) = HeaderValue::try_from(token.to_string()) {
        headers.insert(TOKEN_HEADER, token);
    }
}

fn profile_id(text: &str) -> Result<Uuid, Problem> {
    // One spelling only, so that one profile has one copy.
    let is_plain = text.len() == 36 && !text.bytes().any(|byte| byte.is_ascii_uppercase());
    let id = Uuid::try_parse(text).ok().filter(|_| is_plain);
    id.ok_or_else(|| Problem::bad_request("a profile's id is a UUID in small letters"))
}

fn session_of(headers: &HeaderMap) -> Result<Session, Problem> {
    let Some(token) = headers.get(TOKEN_HEADER) else { return Ok(Session::default()) };
    let token = token.to_str().ok().and_then(|token| token.parse().ok());
    token.map(Session::resumed).ok_or_else(|| {
        Problem::bad_request(format!("`{TOKEN_HEADER}` must be a token such as 16/B374D848"))
    })
}

fn deadline_of(desk: &Desk, headers: &HeaderMap, start: Instant) -> Result<Deadline, Problem> {
    answer::deadline_of(headers, start, desk.settings.request_budget)
}

fn etag(version: u32) -> HeaderValue {
    HeaderValue::try_from(format!("\"{version}\"")).expect("digits and quotes are visible ASCII")
}

fn if_match(headers: &HeaderMap) -> Result<Option<i32>, Problem> {
    let Some(value) = headers.get(header::IF_MATCH) else { return Ok(None) };
    let version = value.to_str().ok().and_then(|value| value.strip_prefix('"'));
    let version = version.and_then(|value| value.strip_suffix('"'));
    version.and_then(|version| version.parse().ok()).map(Some).ok_or_else(|| {
        Problem::bad_request("If-Match must be one version as ETag gave it, such as \"17\"")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_goes_on_from_its_token_and_an_answer_gives_the_next_one() {
        let mut headers = HeaderMap::new();
        assert_eq!(session_of(&headers).unwrap().token(), LogPosition::START);
        headers.insert(TOKEN_HEADER, HeaderValue::from_static("16/B374D848"));
        let session = session_of(&headers).unwrap();
        assert_eq!(session.token(), "16/B374D848".parse().unwrap());
        let mut response = Response::new(Body::empty());
        mark(&mut response, "replica", session.token());
        assert_eq!(response.headers()[TOKEN_HEADER], "16/B374D848");
        headers.insert(TOKEN_HEADER, HeaderValue::from_static("yesterday"));
        assert_eq!(session_of(&headers).unwrap_err().status(), 400);
    }
}
