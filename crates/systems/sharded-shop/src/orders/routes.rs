//! The HTTP surface of the orders.

use std::sync::Arc;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Path, RawQuery, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Request, Response, StatusCode};
use axum::routing::{get, post};
use serde_json::json;
use sha2::{Digest, Sha256};
use standfast_tactics::deadline::Deadline;
use tokio::time::Instant;
use uuid::Uuid;

use super::super::primary::{Transaction, perform};
use super::checkout::{CheckoutDraft, Show, shown};
use super::desk::Desk;
use super::ledger::{self, LedgerDraft};
use super::list::{Checkouts, OrderLines, Page};
use crate::service::answer;
use crate::service::idempotency::IdempotencyKey;
use crate::service::page::PageRequest;
use crate::service::problem::Problem;

/// 64 lines of a checkout have some 10 kB.
const BODY_LENGTH_MAX: usize = 16 * 1024;

type App = State<Arc<Desk>>;

pub(super) fn router(desk: Arc<Desk>) -> Router {
    let router = Router::new()
        .route("/checkouts", post(check_out).get(checkouts))
        .route("/orders/{id}", get(show))
        .route("/order-lines", get(order_lines))
        .route("/ledgers", get(ledgers))
        .route("/ledgers/transactions", post(append))
        .route("/health", get(answer::health))
        .route("/ready", get(ready))
        .route("/metrics", get(async |State(desk): App| answer::metrics(desk.metrics.render())));
    answer::with_fallbacks(router).with_state(desk)
}

async fn check_out(State(desk): App, request: Request<Body>) -> Response<Body> {
    let result = async {
        let (parts, body, deadline) = read(&desk, request).await?;
        let draft = CheckoutDraft::parse(&body)?;
        let (method, path) = (parts.method.as_str(), parts.uri.path());
        let key = IdempotencyKey::of_request(&parts.headers, method, path, &body)?;
        desk.check_out(&draft, key.as_ref(), deadline).await
    };
    let result = result.await;
    respond(&desk, "checkout", result)
}

async fn append(State(desk): App, request: Request<Body>) -> Response<Body> {
    let result = async {
        let (parts, body, deadline) = read(&desk, request).await?;
        let draft = LedgerDraft::parse(&body)?;
        draft.check_key(&parts.headers)?;
        let answer = desk.append(&draft, &Sha256::digest(&body), deadline).await?;
        Ok(answer::raw_json(StatusCode::CREATED, answer))
    };
    let result = result.await;
    respond(&desk, "append", result)
}

async fn ledgers(
    State(desk): App,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response<Body> {
    let result = async {
        let names = ledger::names(query.as_deref())?;
        let found = desk.ledgers(&names, deadline_of(&desk, &headers)?).await?;
        Ok(answer::json(StatusCode::OK, &found))
    };
    let result = result.await;
    respond(&desk, "ledgers", result)
}

async fn show(State(desk): App, Path(id): Path<String>, headers: HeaderMap) -> Response<Body> {
    let result = async {
        let id = Uuid::try_parse(&id);
        let id = id.map_err(|_| Problem::bad_request("an order's id is a UUID"))?;
        let deadline = deadline_of(&desk, &headers)?;
        let found = perform(&desk.primary, &Show(id), deadline).await?.answer;
        Ok(answer::json(StatusCode::OK, &shown(found)?))
    };
    let result = result.await;
    respond(&desk, "show", result)
}

async fn order_lines(
    State(desk): App,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response<Body> {
    let result = list(&desk, query, &headers, OrderLines, "lines").await;
    respond(&desk, "order-lines", result)
}

async fn checkouts(
    State(desk): App,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response<Body> {
    let result = list(&desk, query, &headers, Checkouts, "checkouts").await;
    respond(&desk, "checkouts", result)
}

async fn list<T: Transaction<Answer = Page>>(
    desk: &Desk,
    query: Option<String>,
    headers: &HeaderMap,
    of: fn(PageRequest<Uuid>) -> T,
    name: &str,
) -> Result<Response<Body>, Problem> {
    let page = PageRequest::parse(query.as_deref(), |id| Uuid::try_parse(id).ok())?;
    let found = perform(&desk.primary, &of(page), deadline_of(desk, headers)?).await?.answer;
    Ok(answer::json(StatusCode::OK, &json!({ name: found.rows, "next_after": found.next_after })))
}

async fn ready(State(desk): App) -> Response<Body> {
    answer::ready(desk.primary.is_there(), "no primary confirms anything")
}

async fn read(desk: &Desk, request: Request<Body>) -> Result<(Parts, Bytes, Deadline), Problem> {
    let (parts, body) = request.into_parts();
    let deadline = deadline_of(desk, &parts.headers)?;
    let body = answer::body(body, BODY_LENGTH_MAX, deadline).await?;
    Ok((parts, body, deadline))
}

fn deadline_of(desk: &Desk, headers: &HeaderMap) -> Result<Deadline, Problem> {
    answer::deadline_of(headers, Instant::now(), desk.settings.request_budget)
}

fn respond(
    desk: &Desk,
    operation: &'static str,
    result: Result<Response<Body>, Problem>,
) -> Response<Body> {
    let is_declined = result.as_ref().is_ok_and(|response| response.status().is_client_error());
    answer::counted(result, |outcome| {
        desk.metrics.answered(operation, if is_declined { "declined" } else { outcome });
    })
}
