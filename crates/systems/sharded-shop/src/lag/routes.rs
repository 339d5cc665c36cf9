//! The HTTP surface of the probe.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use axum::routing::{get, post};
use serde_json::json;
use tokio::time::Instant;

use super::load::Load;
use super::observed::Observed;
use super::{metrics, report};
use crate::service::answer;
use crate::service::problem::Problem;

/// No request takes longer, whatever its client asks for.
const BUDGET: Duration = Duration::from_secs(5);
/// More rows at once would be one long pause, and no burst.
const ROWS_MAX: i32 = 100_000;

type App = State<(Arc<Observed>, Arc<Load>)>;

pub(super) fn router(observed: Arc<Observed>, load: Arc<Load>) -> Router {
    let router = Router::new()
        .route("/writes/{rows}", post(write))
        .route("/reads", get(read))
        .route("/lag", get(lag))
        .route("/lag.txt", get(lag_text))
        .route("/health", get(answer::health))
        .route("/ready", get(ready))
        .route("/metrics", get(shown));
    answer::with_fallbacks(router).with_state((observed, load))
}

async fn write(
    State((observed, load)): App,
    Path(rows): Path<String>,
    headers: HeaderMap,
) -> Result<Response<Body>, Problem> {
    let deadline = answer::deadline_of(&headers, Instant::now(), BUDGET)?;
    let rows = rows_of(&rows)?;
    load.write(&observed, rows, deadline).await?;
    Ok(answer::json(StatusCode::CREATED, &json!({ "rows": rows })))
}

fn rows_of(text: &str) -> Result<i32, Problem> {
    let rows = text.parse().ok().filter(|rows| (1..=ROWS_MAX).contains(rows));
    rows.ok_or_else(|| Problem::bad_request(format!("a write has 1 to {ROWS_MAX} rows")))
}

async fn read(State((observed, load)): App, headers: HeaderMap) -> Result<Response<Body>, Problem> {
    let deadline = answer::deadline_of(&headers, Instant::now(), BUDGET)?;
    let replica = load.read(&observed, deadline).await?;
    Ok(answer::json(StatusCode::OK, &json!({ "replica": replica })))
}

async fn lag(State((observed, _)): App) -> Response<Body> {
    answer::json(StatusCode::OK, &report::as_json(&observed))
}

async fn lag_text(State((observed, _)): App) -> Response<Body> {
    let mut response = Response::new(Body::from(report::as_text(&observed)));
    let kind = HeaderValue::from_static("text/plain; charset=utf-8");
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    response
}

async fn shown(State((observed, _)): App) -> Response<Body> {
    answer::metrics(metrics::text(&observed, Instant::now()))
}

/// Whether the marker reaches a replica.
async fn ready(State((observed, _)): App) -> Response<Body> {
    let has_replica = observed.seen().markers.nodes.iter().any(|node| node.is_replica);
    answer::ready(has_replica, "no replica shows the marker")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_of_rows_that_is_none_is_a_problem_as_any_other() {
        assert_eq!(rows_of("5000").unwrap(), 5000);
        for wrong in ["abc", "0", "-1", "100001", "99999999999"] {
            assert_eq!(rows_of(wrong).unwrap_err().status(), 400, "{wrong}");
        }
    }
}
