//! The HTTP surface of the stock.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, RawQuery, State};
use axum::http::{HeaderMap, Request, Response, StatusCode};
use axum::routing::{get, post};
use serde::Deserialize;
use serde_json::json;

use super::super::app::{Asked, Desk, checked_name, checked_quantity, deadline, is_name, respond};
use super::super::step::{StepCall, fingerprint};
use super::change::{Change, Movement};
use super::products;
use crate::service::answer;
use crate::service::page::PageRequest;
use crate::service::problem::Problem;
use crate::service::sessions::MysqlSession;

type App = State<Arc<Desk<MysqlSession>>>;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Quantity {
    quantity: i64,
}

pub(super) fn router(desk: Arc<Desk<MysqlSession>>) -> Router {
    let router = Router::new()
        .route("/products", get(page))
        .route("/products/{id}", get(show))
        .route("/products/{id}/decrement", post(decrement))
        .route("/products/{id}/increment", post(increment))
        .route("/health", get(async |State(desk): App| desk.health(json!({}))))
        .route("/ready", get(async |State(desk): App| desk.ready()))
        .route("/metrics", get(async |State(desk): App| desk.render()));
    answer::with_fallbacks(router).with_state(desk)
}

async fn decrement(
    State(desk): App,
    Path(id): Path<String>,
    request: Request<Body>,
) -> Response<Body> {
    let result = change(&desk, Movement::Out, id, request).await;
    respond(&desk.metrics, "decrement", result)
}

async fn increment(
    State(desk): App,
    Path(id): Path<String>,
    request: Request<Body>,
) -> Response<Body> {
    let result = change(&desk, Movement::In, id, request).await;
    respond(&desk.metrics, "increment", result)
}

/// A change of its own, or the compensation of the opposite one.
async fn change(
    desk: &Desk<MysqlSession>,
    movement: Movement,
    id: String,
    request: Request<Body>,
) -> Result<Response<Body>, Problem> {
    let asked = Asked::read(request, &desk.settings).await?;
    let product_id = checked_name("product_id", id)?;
    let quantity = checked_quantity(asked.json::<Quantity>()?.quantity)?;
    let mut change = Change { movement, product_id, quantity };
    let headers = &asked.parts.headers;
    let call = match StepCall::compensation(headers, change.subject())? {
        Some(call) => {
            change.movement = match movement {
                Movement::Out => Movement::In,
                Movement::In => Movement::Out,
            };
            call
        }
        None => {
            let fingerprint = fingerprint(&[change.verb(), &change.subject()]);
            StepCall::action(headers, change.subject(), fingerprint)?
        }
    };
    let reply = desk.perform(&call, &change, asked.deadline).await?;
    Ok(reply.into_response())
}

async fn page(State(desk): App, RawQuery(query): RawQuery, headers: HeaderMap) -> Response<Body> {
    let result = async {
        let place = |text: &str| is_name(text).then(|| text.to_owned());
        let page = PageRequest::parse(query.as_deref(), place)?;
        let found = products::page(&desk, &page, deadline(&headers, &desk.settings)?).await?;
        let next = page.next(found.len(), found.last().map(|last| last.product_id.clone()));
        Ok(answer::json(StatusCode::OK, &json!({ "products": found, "next_after": next })))
    };
    let result = result.await;
    respond(&desk.metrics, "page", result)
}

async fn show(State(desk): App, Path(id): Path<String>, headers: HeaderMap) -> Response<Body> {
    let result = async {
        let id = checked_name("product_id", id)?;
        let found = products::one(&desk, &id, deadline(&headers, &desk.settings)?).await?;
        Ok(answer::json(StatusCode::OK, &found))
    };
    let result = result.await;
    respond(&desk.metrics, "show", result)
}
