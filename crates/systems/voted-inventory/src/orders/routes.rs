//! The orders service's HTTP surface.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, RawQuery, State};
use axum::http::{HeaderMap, HeaderValue, Request, Response, StatusCode, header};
use axum::routing::{get, post};
use serde_json::{Value, json};
use tokio::time::Instant;
use uuid::Uuid;

use super::database::RETRY_AFTER;
use super::desk::Desk;
use super::draft::Draft;
use super::placing::{NewOrder, Written};
use crate::service::answer;
use crate::service::idempotency::IdempotencyKey;
use crate::service::page::PageRequest;
use crate::service::problem::Problem;

/// An order has some 50 bytes.
const BODY_LENGTH_MAX: usize = 4096;

type App = State<Arc<Desk>>;

pub(super) fn router(desk: Arc<Desk>) -> Router {
    let router = Router::new()
        .route("/orders", post(place).get(page))
        .route("/orders/{id}", get(show))
        .route("/orders/{id}/cancel", post(cancel))
        .route("/health", get(answer::health))
        .route("/ready", get(ready))
        .route("/metrics", get(metrics));
    answer::with_fallbacks(router).with_state(desk)
}

async fn place(State(desk): App, request: Request<Body>) -> Response<Body> {
    let start = Instant::now();
    let result = try_place(&desk, request, start).await;
    respond(&desk, "place", result)
}

async fn try_place(
    desk: &Desk,
    request: Request<Body>,
    start: Instant,
) -> Result<Response<Body>, Problem> {
    let (parts, body) = request.into_parts();
    let deadline = answer::deadline_of(&parts.headers, start, desk.settings.request_budget)?;
    let body = answer::body(body, BODY_LENGTH_MAX, deadline).await?;
    let draft = Draft::parse(&body)?;
    let key = IdempotencyKey::of_request(&parts.headers, "POST", parts.uri.path(), &body)?;
    if !desk.database.is_there() {
        return Err(Problem::unavailable(RETRY_AFTER, "nothing was written: the database is away"));
    }
    let order = NewOrder::of(draft);
    let written = desk.placing.place(order, key, deadline, desk.database.gone()).await?;
    Ok(written_response(written))
}

async fn cancel(
    State(desk): App,
    Path(id): Path<String>,
    request: Request<Body>,
) -> Response<Body> {
    let start = Instant::now();
    let result = try_cancel(&desk, &id, request, start).await;
    respond(&desk, "cancel", result)
}

async fn try_cancel(
    desk: &Arc<Desk>,
    id: &str,
    request: Request<Body>,
    start: Instant,
) -> Result<Response<Body>, Problem> {
    let (parts, body) = request.into_parts();
    let id = order_id(id)?;
    let deadline = answer::deadline_of(&parts.headers, start, desk.settings.request_budget)?;
    let body = answer::body(body, BODY_LENGTH_MAX, deadline).await?;
    if !body.is_empty() && serde_json::from_slice(&body).ok() != Some(json!({})) {
        return Err(Problem::bad_request("a cancellation has no body, or an empty object"));
    }
    let key = IdempotencyKey::of_request(&parts.headers, "POST", parts.uri.path(), &body)?;
    let written = desk.cancel(id, key, deadline).await?;
    Ok(written_response(written))
}

async fn show(State(desk): App, Path(id): Path<String>, headers: HeaderMap) -> Response<Body> {
    let start = Instant::now();
    let result = async {
        let deadline = answer::deadline_of(&headers, start, desk.settings.request_budget)?;
        let order = desk.order(order_id(&id)?, deadline).await?;
        Ok(answer::json(StatusCode::OK, &order))
    };
    let result = result.await;
    respond(&desk, "show", result)
}

/// All orders, a page at a time: `after` is the last id of the page before.
async fn page(State(desk): App, RawQuery(query): RawQuery, headers: HeaderMap) -> Response<Body> {
    let start = Instant::now();
    let result = async {
        let deadline = answer::deadline_of(&headers, start, desk.settings.request_budget)?;
        let page = PageRequest::parse(query.as_deref(), |id| order_id(id).ok())?;
        let found = desk.page(page, deadline).await?;
        let next = page.next(found.len(), found.last().map(|order| order.order_id));
        Ok(answer::json(StatusCode::OK, &json!({ "orders": found, "next_after": next })))
    };
    let result = result.await;
    respond(&desk, "page", result)
}

fn written_response(written: Written) -> Response<Body> {
    let Written { status, response } = written;
    let location = serde_json::from_str(&response).ok().and_then(|body: Value| {
        let id = body.get("order_id")?.as_str()?;
        HeaderValue::try_from(format!("/orders/{id}")).ok()
    });
    let mut response = answer::raw_json(status, response);
    if let Some(location) = location {
        response.headers_mut().insert(header::LOCATION, location);
    }
    response
}

fn respond(
    desk: &Desk,
    operation: &'static str,
    result: Result<Response<Body>, Problem>,
) -> Response<Body> {
    answer::counted(result, |outcome| desk.metrics.answered(operation, outcome))
}

/// The log is no condition: without it, orders are taken and published later.
async fn ready(State(desk): App) -> Response<Body> {
    answer::ready(desk.database.is_there(), "the database is away")
}

async fn metrics(State(desk): App) -> Response<Body> {
    answer::metrics(desk.metrics.render(desk.writer.leader(), Instant::now()))
}

fn order_id(text: &str) -> Result<Uuid, Problem> {
    let is_plain = text.len() == 36;
    Uuid::try_parse(text)
        .ok()
        .filter(|_| is_plain)
        .ok_or_else(|| Problem::bad_request("an order's id is a UUID"))
}
