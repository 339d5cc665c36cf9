//! The analytics service's HTTP surface.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, Request, Response, StatusCode};
use axum::response::IntoResponse;
use axum::routing::{get, post};
use serde_json::json;
use standfast_tactics::deadline::Deadline;
use tokio::time::Instant;

use super::office::Office;
use crate::service::answer;
use crate::service::problem::Problem;

/// A reservation.
const BODY_LENGTH_MAX: usize = 4096;

type App = State<Arc<Office>>;

pub(super) fn router(office: Arc<Office>) -> Router {
    let mut router = Router::new()
        .route("/reports", get(reports))
        .route("/health", get(answer::health))
        .route("/ready", get(ready))
        .route("/metrics", get(metrics));
    if !office.settings.asks {
        router = router.route("/records", post(record));
    }
    answer::with_fallbacks(router).with_state(office)
}

async fn reports(State(office): App, headers: HeaderMap) -> Response<Body> {
    let result = async { office.reports(deadline(&office, &headers)?).await };
    result
        .await
        .map_or_else(IntoResponse::into_response, |json| answer::raw_json(StatusCode::OK, json))
}

async fn record(State(office): App, request: Request<Body>) -> Response<Body> {
    let result = async {
        let (parts, body) = request.into_parts();
        let deadline = deadline(&office, &parts.headers)?;
        let body = answer::body(body, BODY_LENGTH_MAX, deadline).await?;
        let reservation = serde_json::from_slice(&body).map_err(|error| {
            Problem::bad_request(format!("the body is no reservation: {error}"))
        })?;
        office.record(&reservation, deadline).await
    };
    match result.await {
        Ok(()) => answer::json(StatusCode::OK, &json!({})),
        Err(problem) => problem.into_response(),
    }
}

fn deadline(office: &Office, headers: &HeaderMap) -> Result<Deadline, Problem> {
    answer::deadline_of(headers, Instant::now(), office.settings.request_budget)
}

async fn ready(State(office): App) -> Response<Body> {
    answer::ready(office.database.is_there(), "the database is away")
}

async fn metrics(State(office): App) -> Response<Body> {
    answer::metrics(office.metrics())
}
