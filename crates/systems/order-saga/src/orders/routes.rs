//! The HTTP surface of the orders.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, RawQuery, State};
use axum::http::{HeaderMap, Request, Response, StatusCode};
use axum::routing::{get, post};
use serde_json::json;

use super::super::app::{Asked, Desk, deadline, respond};
use super::super::step::StepCall;
use super::change::Change;
use super::draft::{OrderDraft, order_id};
use super::lookup;
use crate::service::answer;
use crate::service::page::PageRequest;
use crate::service::problem::Problem;
use crate::service::sessions::PostgresSession;

type App = State<Arc<Desk<PostgresSession>>>;

pub(super) fn router(desk: Arc<Desk<PostgresSession>>) -> Router {
    let router = Router::new()
        .route("/orders", post(create).get(page))
        .route("/orders/{id}", get(show))
        .route("/orders/{id}/cancel", post(cancel))
        .route("/health", get(async |State(desk): App| desk.health(json!({}))))
        .route("/ready", get(async |State(desk): App| desk.ready()))
        .route("/metrics", get(async |State(desk): App| desk.render()));
    answer::with_fallbacks(router).with_state(desk)
}

async fn create(State(desk): App, request: Request<Body>) -> Response<Body> {
    let result = async {
        let asked = Asked::read(request, &desk.settings).await?;
        let draft = asked.json::<OrderDraft>()?.check()?;
        let subject = draft.order_id.to_string();
        let call = StepCall::action(&asked.parts.headers, subject, draft.fingerprint())?;
        let reply = desk.perform(&call, &Change::Create(draft), asked.deadline).await?;
        Ok(reply.into_response())
    };
    let result = result.await;
    respond(&desk.metrics, "create", result)
}

async fn cancel(
    State(desk): App,
    Path(id): Path<String>,
    request: Request<Body>,
) -> Response<Body> {
    let result = try_cancel(&desk, &id, request).await;
    respond(&desk.metrics, "cancel", result)
}

async fn try_cancel(
    desk: &Desk<PostgresSession>,
    id: &str,
    request: Request<Body>,
) -> Result<Response<Body>, Problem> {
    let asked = Asked::read(request, &desk.settings).await?;
    let id = order_id(id)?;
    let call = StepCall::compensation(&asked.parts.headers, id.to_string())?;
    let call = call.ok_or_else(|| {
        Problem::unprocessable("header `Compensates` must name the step that is taken back")
    })?;
    let reply = desk.perform(&call, &Change::Cancel(id), asked.deadline).await?;
    Ok(reply.into_response())
}

async fn page(State(desk): App, RawQuery(query): RawQuery, headers: HeaderMap) -> Response<Body> {
    let result = async {
        let page = PageRequest::parse(query.as_deref(), |id| order_id(id).ok())?;
        let found = lookup::page(&desk, page, deadline(&headers, &desk.settings)?).await?;
        let next = page.next(found.len(), found.last().map(|last| last.order_id));
        Ok(answer::json(StatusCode::OK, &json!({ "orders": found, "next_after": next })))
    };
    let result = result.await;
    respond(&desk.metrics, "page", result)
}

async fn show(State(desk): App, Path(id): Path<String>, headers: HeaderMap) -> Response<Body> {
    let result = async {
        let deadline = deadline(&headers, &desk.settings)?;
        let found = lookup::one(&desk, order_id(&id)?, deadline).await?;
        Ok(answer::json(StatusCode::OK, &found))
    };
    let result = result.await;
    respond(&desk.metrics, "show", result)
}
