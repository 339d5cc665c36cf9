//! The HTTP surface of the middleware.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, RawQuery, State};
use axum::http::{HeaderMap, Request, Response, StatusCode};
use axum::routing::{get, post};
use serde_json::{Value, json};
use standfast_tactics::saga::{Outcome, Standing};
use tokio::time::Instant;
use uuid::Uuid;

use super::super::orders::order_id;
use super::Middleware;
use super::draft::client_order;
use super::ledger::Case;
use super::plan::ORDER_STEP;
use crate::service::answer;
use crate::service::page::PageRequest;
use crate::service::problem::Problem;

/// An order has some 100 bytes.
const BODY_LENGTH_MAX: usize = 4096;

const OPENAPI: &str = include_str!("openapi.json");

const STATES: [&str; 5] = ["running", "compensating", "parked", "completed", "compensated"];

type App = State<Arc<Middleware>>;

pub(super) fn router(middleware: Arc<Middleware>) -> Router {
    let router = Router::new()
        .route("/orders", post(take))
        .route("/orders/{id}", get(show))
        .route("/sagas", get(sagas))
        .route("/sagas/{id}", get(saga))
        .route("/sagas/{id}/resume", post(resume))
        .route("/openapi.json", get(openapi))
        .route("/health", get(answer::health))
        .route("/ready", get(ready))
        .route("/metrics", get(metrics));
    answer::with_fallbacks(router).with_state(middleware)
}

async fn take(State(middleware): App, request: Request<Body>) -> Response<Body> {
    let start = Instant::now();
    let result = async {
        let (parts, body) = request.into_parts();
        let budget = middleware.settings.request_budget;
        let deadline = answer::deadline_of(&parts.headers, start, budget)?;
        let body = answer::body(body, BODY_LENGTH_MAX, deadline).await?;
        middleware.take(client_order(&parts.headers, &body)?, deadline).await
    };
    let result = result.await;
    respond(&middleware, "order", result)
}

/// An order by its saga, as far as that is remembered, else by the orders service.
async fn show(
    State(middleware): App,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Response<Body> {
    let start = Instant::now();
    let result = async {
        let id = order_id(&id)?;
        if let Some(case) = middleware.ledger.find(id) {
            return Ok(answer::json(StatusCode::OK, &order_view(&case)));
        }
        let deadline = answer::deadline_of(&headers, start, middleware.settings.request_budget)?;
        let found =
            middleware.participants[ORDER_STEP].get(format!("/orders/{id}"), deadline).await;
        match found {
            Ok(found) if found.status == StatusCode::NOT_FOUND => {
                Err(Problem::not_found("there is no order with this id"))
            }
            Ok(found) if found.status.is_success() => {
                let order: Value = serde_json::from_slice(&found.body).unwrap_or(Value::Null);
                Ok(answer::json(StatusCode::OK, &order))
            }
            Ok(_) | Err(_) => Err(Problem::unavailable(
                std::time::Duration::from_secs(1),
                "the orders cannot be asked now",
            )),
        }
    };
    let result = result.await;
    respond(&middleware, "show", result)
}

fn order_view(case: &Case) -> Value {
    let progress = case.progress();
    let status = match progress.standing {
        Standing::Ended(Outcome::Completed) => "confirmed",
        _ if progress.turned_back.is_some() => "rejected",
        Standing::Forth | Standing::Back | Standing::Ended(Outcome::Compensated) => "pending",
    };
    let mut view = progress.order.unwrap_or_else(|| {
        json!({
            "order_id": case.id, "product_id": case.order.product_id,
            "quantity": case.order.quantity, "customer": case.order.customer,
        })
    });
    view["status"] = json!(status);
    view["saga"] = json!(case.view());
    view
}

async fn sagas(State(middleware): App, RawQuery(query): RawQuery) -> Response<Body> {
    let result = sagas_page(query.as_deref()).map(|(state, page)| {
        let found = middleware.ledger.list(state, page.after, page.limit as usize);
        let next = page.next(found.len(), found.last().map(|last| last.id));
        let views: Vec<_> = found.iter().map(|case| json!(case.view())).collect();
        answer::json(StatusCode::OK, &json!({ "sagas": views, "next_after": next }))
    });
    respond(&middleware, "sagas", result)
}

fn sagas_page(query: Option<&str>) -> Result<(Option<&'static str>, PageRequest<Uuid>), Problem> {
    let mut state = None;
    let others = format!("state=<{}>, ", STATES.join("|"));
    let place = |id: &str| order_id(id).ok();
    let page = PageRequest::parse_beside(query, place, &others, |name, value| {
        let known = STATES.into_iter().find(|state| name == "state" && *state == value);
        state = known.or(state);
        Ok(known.is_some())
    })?;
    Ok((state, page))
}

async fn saga(State(middleware): App, Path(id): Path<String>) -> Response<Body> {
    let result = find(&middleware, &id).map(|case| answer::json(StatusCode::OK, &case.view()));
    respond(&middleware, "saga", result)
}

async fn resume(State(middleware): App, Path(id): Path<String>) -> Response<Body> {
    let result = find(&middleware, &id).and_then(|case| {
        if !case.progress().is_parked {
            let title = "The saga is not parked";
            let detail = format!("it is {}", case.progress().state());
            return Err(Problem::new(StatusCode::CONFLICT, "not-parked", title, detail));
        }
        case.resume.notify_one();
        Ok(answer::json(StatusCode::ACCEPTED, &case.view()))
    });
    respond(&middleware, "resume", result)
}

fn find(middleware: &Middleware, id: &str) -> Result<Arc<Case>, Problem> {
    let found = middleware.ledger.find(order_id(id)?);
    found.ok_or_else(|| Problem::not_found("no saga with this id is remembered"))
}

async fn openapi() -> Response<Body> {
    answer::raw_json(StatusCode::OK, OPENAPI)
}

/// Orders are taken while participants are away for a moment, so these do not count; the journal
/// is read before the port is served.
async fn ready(State(middleware): App) -> Response<Body> {
    let participants: Value = middleware
        .participants
        .iter()
        .map(|one| (one.role.name().to_owned(), json!(one.is_there())))
        .collect::<serde_json::Map<_, _>>()
        .into();
    answer::json(StatusCode::OK, &json!({ "ready": true, "participants": participants }))
}

async fn metrics(State(middleware): App) -> Response<Body> {
    let (open, parked) = middleware.ledger.open();
    middleware.metrics.open.set(open.try_into().unwrap_or(i64::MAX));
    middleware.metrics.parked.set(parked.try_into().unwrap_or(i64::MAX));
    let (undecided, most) = middleware.ledger.undecided();
    middleware.metrics.undecided.set(undecided.try_into().unwrap_or(i64::MAX));
    middleware.metrics.undecided_max.set(most.try_into().unwrap_or(i64::MAX));
    answer::metrics(middleware.metrics.render())
}

fn respond(
    middleware: &Middleware,
    operation: &'static str,
    result: Result<Response<Body>, Problem>,
) -> Response<Body> {
    answer::counted(result, |outcome| middleware.metrics.answered(operation, outcome))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sagas_are_listed_by_state_and_in_pages() {
        let id = Uuid::now_v7();
        let query = format!("state=parked&after={id}&limit=7");
        let page = PageRequest { after: id, limit: 7 };
        assert_eq!(sagas_page(Some(&query)).unwrap(), (Some("parked"), page));
        for wrong in ["state=lost", "limit=0", "after=1", "x=1", "state"] {
            assert_eq!(sagas_page(Some(wrong)).unwrap_err().status(), 400, "{wrong}");
        }
    }

    #[test]
    fn the_openapi_document_tells_of_every_route() {
        let document: Value = serde_json::from_str(OPENAPI).unwrap();
        let paths: Vec<_> = document["paths"].as_object().unwrap().keys().collect();
        for path in ["/orders", "/orders/{id}", "/sagas", "/sagas/{id}", "/sagas/{id}/resume"] {
            assert!(paths.iter().any(|known| *known == path), "{path}");
        }
    }
}
