//! The HTTP surface of the reports.

use std::sync::Arc;

use axum::Router as Routes;
use axum::body::Body;
use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use axum::routing::get;

use super::super::routing::Query;
use super::{Reports, sales};
use crate::service::answer;
use crate::service::problem::Problem;

/// Whether all shards are in a report: `complete`, `partial`, or `none`.
const SOURCE: &str = "x-source";

const LIMIT: u32 = 10;
const LIMIT_MAX: u32 = 1000;

type App = State<Arc<Reports>>;

pub(super) fn router(reports: Arc<Reports>) -> Routes {
    let routes = Routes::new()
        .route("/reports/sales", get(report))
        .route("/reports/sales/explain", get(explain))
        .route("/health", get(answer::health))
        .route("/ready", get(ready))
        .route("/metrics", get(async |State(reports): App| reports.desk.render()));
    answer::with_fallbacks(routes).with_state(reports)
}

async fn ready(State(reports): App) -> Response<Body> {
    let is_set_up = *reports.is_set_up.borrow();
    let is_ready = is_set_up && reports.database.is_there() && reports.desk.router.has_map();
    answer::ready(is_ready, "the map or the foreign tables are not there")
}

fn limit(query: Option<&str>) -> Result<u32, Problem> {
    Query::parse(query, &["limit"])?.number("limit", LIMIT, 1..=LIMIT_MAX)
}

async fn report(
    State(reports): App,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response<Body> {
    let result = async {
        let (limit, deadline) = (limit(query.as_deref())?, reports.desk.deadline(&headers)?);
        let report = sales::report(&reports, limit, deadline).await;
        let report = report.map_err(|problem| problem.with_header(SOURCE, "none"))?;
        let source = if report.complete { "complete" } else { "partial" };
        let mut response = answer::json(StatusCode::OK, &report);
        response.headers_mut().insert(SOURCE, HeaderValue::from_static(source));
        Ok(response)
    };
    let result = result.await;
    reports.desk.respond("sales", result)
}

async fn explain(
    State(reports): App,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response<Body> {
    let result = async {
        let (limit, deadline) = (limit(query.as_deref())?, reports.desk.deadline(&headers)?);
        let text = sales::explain(&reports, limit, deadline).await?;
        let mut response = Response::new(Body::from(text));
        let kind = HeaderValue::from_static("text/plain; charset=utf-8");
        response.headers_mut().insert(header::CONTENT_TYPE, kind);
        Ok(response)
    };
    let result = result.await;
    reports.desk.respond("explain", result)
}
