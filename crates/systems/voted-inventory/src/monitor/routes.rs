//! The monitor's HTTP surface.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State as Shared};
use axum::http::{Response, StatusCode};
use axum::response::IntoResponse;
use axum::routing::{get, post};
use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use tokio::time::Instant;

use super::bounds::{Pace, bound};
use super::case::{Case, Cause, Check};
use super::metrics::Metrics;
use super::record::Failure;
use super::watching::{Book, Monitor, Watched};
use super::wire::Report;
use crate::service::answer;
use crate::service::problem::Problem;

/// A report has some 200 bytes for each replica.
const REPORT_LENGTH_MAX: usize = 64 * 1024;

/// Nobody sends a report for longer.
const REQUEST_BUDGET: Duration = Duration::from_secs(1);

/// The first checks are back within this.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// What requests need.
#[derive(Clone, Debug)]
pub(super) struct App {
    pub(super) monitor: Arc<Monitor>,
    pub(super) metrics: Arc<Metrics>,
}

pub(super) fn router(app: App) -> Router {
    let router = Router::new()
        .route("/status", get(status))
        .route("/monitor/status", get(status))
        .route("/monitor/failures", get(failures))
        .route("/monitor/metrics", get(figures))
        .route("/monitor/reports", post(report))
        .route("/metrics", get(metrics))
        .route("/health", get(answer::health))
        .route("/ready", get(ready));
    answer::with_fallbacks(router).with_state(app)
}

async fn status(Shared(app): Shared<App>) -> Response<Body> {
    let settings = &app.monitor.settings;
    let bounds = Cause::ALL.into_iter().map(|cause| {
        let bound = bound(settings, cause, Pace::default());
        (cause.name().to_owned(), json!(bound.map(milliseconds)))
    });
    let bounds: serde_json::Map<String, Value> = bounds.collect();
    let book = app.monitor.book();
    let replicas: Vec<Value> = book.replicas.iter().map(replica).collect();
    let body = json!({
        "on": book.on(), "of": replicas.len(), "replicas": replicas, "bounds_ms": bounds,
    });
    answer::json(StatusCode::OK, &body)
}

fn replica(watched: &Watched) -> Value {
    let case: &Case = &watched.case;
    let open: Vec<&str> = case.open.iter().map(|cause| cause.name()).collect();
    let (calls, failed) = case.recent();
    let (last_check, took) = match case.last_check {
        None => ("none", None),
        Some(Check::Well { took, .. }) => ("well", Some(milliseconds(took))),
        Some(Check::CatchingUp { .. }) => ("catching-up", None),
        Some(Check::Refused) => ("refused", None),
        Some(Check::Overdue) => ("overdue", None),
    };
    json!({
        "replica": watched.name,
        "state": case.state,
        "by": case.cause.map(Cause::name),
        "since": text(watched.since),
        "epoch": case.epoch,
        "evidence": open,
        "accused": case.accused.keys().collect::<Vec<_>>(),
        "applied_offset": case.applied_offset,
        "last_check": last_check,
        "last_check_ms": took,
        "recent_calls": calls,
        "recent_failures": failed,
        "is_latency_outlier": case.is_outlier,
    })
}

async fn failures(Shared(app): Shared<App>) -> Response<Body> {
    let book = app.monitor.book();
    let failures: Vec<Value> = book.record.newest().map(failure).collect();
    answer::json(StatusCode::OK, &json!({ "failures": failures }))
}

fn failure(failure: &Failure) -> Value {
    let lasted = failure.recovered_at.map(|at| (at - failure.detected_at).as_seconds_f64() * 1e3);
    json!({
        "id": failure.id,
        "replica": failure.replica,
        "by": failure.cause.name(),
        "detected_at": text(failure.detected_at),
        "recovered_at": failure.recovered_at.map(text),
        "lasted_ms": lasted,
    })
}

async fn figures(Shared(app): Shared<App>) -> Response<Body> {
    let book = app.monitor.book();
    let replicas = book.replicas.iter().map(|one| {
        let counts = one.case.counts;
        json!({
            "replica": one.name,
            "state": one.case.state,
            "checks": counts.checks,
            "failed_checks": counts.failed_checks,
            "dissents": counts.dissents,
            "lone_refusals": counts.lone_refusals,
        })
    });
    let replicas: Vec<Value> = replicas.collect();
    let causes = book.causes().map(|(cause, count)| (cause.name().to_owned(), json!(count)));
    let causes: serde_json::Map<String, Value> = causes.collect();
    let (detected, recovered) = book.record.counts();
    let body = json!({
        "replicas": replicas,
        "failures": { "detected": detected, "recovered": recovered, "by_cause": causes },
        "reports": book.reports,
        "refusals_read": book.refusals_read,
        "journal": journal(&book),
    });
    answer::json(StatusCode::OK, &body)
}

fn journal(book: &Book) -> Value {
    let journal = &book.journal;
    json!({
        "waiting": journal.len(),
        "written": journal.written(),
        "dropped": journal.dropped(),
        "is_database_away": book.is_database_away,
    })
}

async fn report(Shared(app): Shared<App>, request: Request) -> Response<Body> {
    match take_report(&app.monitor, request).await {
        Ok(()) => StatusCode::NO_CONTENT.into_response(),
        Err(problem) => problem.into_response(),
    }
}

async fn take_report(monitor: &Monitor, request: Request) -> Result<(), Problem> {
    let (parts, body) = request.into_parts();
    let deadline = answer::deadline_of(&parts.headers, Instant::now(), REQUEST_BUDGET)?;
    let body = answer::body(body, REPORT_LENGTH_MAX, deadline).await?;
    let report: Report = serde_json::from_slice(&body)
        .map_err(|error| Problem::bad_request(format!("this is no report: {error}")))?;
    monitor.reported(&report).map_err(|error| Problem::unprocessable(error.to_string()))
}

async fn metrics(Shared(app): Shared<App>) -> Response<Body> {
    answer::metrics(app.metrics.render(&app.monitor.book()))
}

/// Ready once every replica has been checked. It needs neither database nor log for its work.
async fn ready(Shared(app): Shared<App>) -> Response<Body> {
    let book = app.monitor.book();
    if book.replicas.iter().all(|one| one.case.last_check.is_some()) {
        let database = if book.is_database_away { "away" } else { "usable" };
        return answer::json(StatusCode::OK, &json!({ "ready": true, "postgres": database }));
    }
    drop(book);
    Problem::unavailable(RETRY_AFTER, "not every replica has been checked yet").into_response()
}

fn milliseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}

fn text(at: OffsetDateTime) -> String {
    at.format(&Rfc3339).expect("this time has a year of four digits")
}
