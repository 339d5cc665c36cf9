//! The HTTP surface of the reports.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, RawQuery, State};
use axum::http::{HeaderMap, Request, Response, StatusCode};
use axum::routing::{get, post};
use serde_json::json;

use super::super::app::{Asked, deadline, is_name, respond};
use super::super::orders::{OrderDraft, order_id};
use super::super::step::StepCall;
use super::change::{Change, Secured};
use super::{Reports, lookup};
use crate::service::answer;
use crate::service::page::PageRequest;
use crate::service::problem::Problem;

type App = State<Arc<Reports>>;

pub(super) fn router(reports: Arc<Reports>) -> Router {
    let router = Router::new()
        .route("/reports", post(file).get(page))
        .route("/reports/{id}", get(show))
        .route("/reports/{id}/void", post(void))
        .route("/health", get(health))
        .route("/ready", get(async |State(reports): App| reports.desk.ready()))
        .route("/metrics", get(async |State(reports): App| reports.desk.render()));
    answer::with_fallbacks(router).with_state(reports)
}

async fn file(State(reports): App, request: Request<Body>) -> Response<Body> {
    let result = async {
        let asked = Asked::read(request, &reports.desk.settings).await?;
        let draft = asked.json::<OrderDraft>()?.check()?;
        let subject = draft.order_id.to_string();
        let call = StepCall::action(&asked.parts.headers, subject, draft.fingerprint())?;
        let effect = Secured { change: Change::File(draft), duty: &reports.duty };
        let reply = reports.desk.perform(&call, &effect, asked.deadline).await?;
        Ok(reply.into_response())
    };
    let result = result.await;
    respond(&reports.desk.metrics, "file", result)
}

async fn void(
    State(reports): App,
    Path(id): Path<String>,
    request: Request<Body>,
) -> Response<Body> {
    let result = try_void(&reports, &id, request).await;
    respond(&reports.desk.metrics, "void", result)
}

async fn try_void(
    reports: &Reports,
    id: &str,
    request: Request<Body>,
) -> Result<Response<Body>, Problem> {
    let asked = Asked::read(request, &reports.desk.settings).await?;
    let id = order_id(id)?.to_string();
    let call = StepCall::compensation(&asked.parts.headers, id.clone())?;
    let call = call.ok_or_else(|| {
        Problem::unprocessable("header `Compensates` must name the step that is taken back")
    })?;
    let effect = Secured { change: Change::Void(id), duty: &reports.duty };
    let reply = reports.desk.perform(&call, &effect, asked.deadline).await?;
    Ok(reply.into_response())
}

async fn page(
    State(reports): App,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response<Body> {
    let desk = &reports.desk;
    let result = async {
        let place = |text: &str| is_name(text).then(|| text.to_owned());
        let page = PageRequest::parse(query.as_deref(), place)?;
        let found = lookup::page(desk, &page, deadline(&headers, &desk.settings)?).await?;
        let next = page.next(found.len(), found.last().map(|last| last.order_id.clone()));
        Ok(answer::json(StatusCode::OK, &json!({ "reports": found, "next_after": next })))
    };
    let result = result.await;
    respond(&desk.metrics, "page", result)
}

async fn show(State(reports): App, Path(id): Path<String>, headers: HeaderMap) -> Response<Body> {
    let desk = &reports.desk;
    let result = async {
        let id = order_id(&id)?.to_string();
        let found = lookup::one(desk, &id, deadline(&headers, &desk.settings)?).await?;
        Ok(answer::json(StatusCode::OK, &found))
    };
    let result = result.await;
    respond(&desk.metrics, "show", result)
}

async fn health(State(reports): App) -> Response<Body> {
    reports.desk.health(json!({ "acknowledges_after": reports.duty.name() }))
}
