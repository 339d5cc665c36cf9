//! What a watchdog shows over HTTP. Commands come by its socket, which only its user may open.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::{Response, StatusCode};
use axum::response::IntoResponse;
use axum::routing::get;
use serde_json::{Value, json};
use standfast_failover::watchdog::{Question, ask};
use tokio::time::timeout;

use crate::service::answer;
use crate::service::problem::Problem;

/// It answers within a turn of its loop.
const ANSWER_TIME_MAX: Duration = Duration::from_secs(1);

type App = State<Arc<PathBuf>>;

pub(super) fn router(control: PathBuf) -> Router {
    let router = Router::new()
        .route("/status", get(show))
        .route("/health", get(answer::health))
        .route("/ready", get(ready))
        .route("/settled", get(settled))
        .route("/metrics", get(metrics));
    answer::with_fallbacks(router).with_state(Arc::new(control))
}

async fn show(State(control): App) -> Response<Body> {
    match status(&control).await {
        Some(status) => answer::json(StatusCode::OK, &status),
        None => silent(),
    }
}

/// Whether clients get to a primary.
async fn ready(State(control): App) -> Response<Body> {
    match status(&control).await {
        Some(status) if is_serving(&status) => {
            answer::json(StatusCode::OK, &json!({ "ready": true }))
        }
        Some(_) => Problem::unavailable(ANSWER_TIME_MAX, "no primary gets clients").into_response(),
        None => silent(),
    }
}

/// Whether, besides, a replica is sure to hold everything: the cluster survives its primary.
async fn settled(State(control): App) -> Response<Body> {
    match status(&control).await {
        Some(status) if status.get("settled") == Some(&json!(true)) => {
            answer::json(StatusCode::OK, &json!({ "settled": true }))
        }
        Some(_) => {
            let detail = "no replica is sure to hold everything";
            Problem::unavailable(ANSWER_TIME_MAX, detail).into_response()
        }
        None => silent(),
    }
}

async fn metrics(State(control): App) -> Response<Body> {
    let status = status(&control).await.unwrap_or(Value::Null);
    let epoch = status.get("epoch").and_then(Value::as_u64).unwrap_or(0);
    let serving = u8::from(is_serving(&status));
    let help = "# HELP watchdog_epoch Grows with each change of the primary\n";
    let text = format!(
        "{help}# TYPE watchdog_epoch gauge\nwatchdog_epoch {epoch}\n\
         # HELP watchdog_serving Whether clients get to a primary\n\
         # TYPE watchdog_serving gauge\nwatchdog_serving {serving}\n# EOF\n"
    );
    answer::metrics(text)
}

async fn status(control: &Path) -> Option<Value> {
    let asked = timeout(ANSWER_TIME_MAX, ask(control, &Question::Status)).await;
    asked.ok()?.ok()
}

fn is_serving(status: &Value) -> bool {
    status.get("routed") == Some(&json!(true))
}

fn silent() -> Response<Body> {
    Problem::unavailable(ANSWER_TIME_MAX, "the watchdog does not answer").into_response()
}
