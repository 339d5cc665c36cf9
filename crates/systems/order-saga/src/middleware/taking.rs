//! Takes an order of a client: begins its saga, or finds the one under its key, and waits until it
//! is certain what becomes of it.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderValue, Response, StatusCode, header};
use serde_json::{Value, json};
use standfast_tactics::deadline::Deadline;
use standfast_tactics::saga::{Cause, Saga};
use tokio::time::timeout_at;
use uuid::Uuid;

use super::Middleware;
use super::backlog::Refused;
use super::drive::Driven;
use super::journal::ClientOrder;
use super::ledger::{Admission, Case, Progress};
use super::plan::ORDER_STEP;
use crate::service::answer;
use crate::service::problem::Problem;

const RETRY_AFTER: Duration = Duration::from_secs(1);

impl Middleware {
    /// The answer to an order.
    pub(super) async fn take(
        &self,
        order: ClientOrder,
        deadline: Deadline,
    ) -> Result<Response<Body>, Problem> {
        let saga = Saga::new(Arc::clone(&self.definition));
        let new = || Case::new(Uuid::now_v7(), order.clone(), &saga);
        let case = match self.ledger.admit(&order, deadline, new) {
            Admission::Known(case) => case,
            Admission::New(case) => {
                let driven = Driven { case: Arc::clone(&case), saga, is_new: true };
                if self.drivers.send(driven).await.is_err() {
                    return Err(unavailable("the service stops"));
                }
                case
            }
            Admission::Conflict => {
                let detail = "this Idempotency-Key was used with another request";
                return Err(Problem::unprocessable(detail));
            }
            Admission::Full => {
                self.metrics.refused("full");
                return Err(unavailable("too many orders are being worked on"));
            }
            Admission::TooLate(refused) => {
                self.metrics.refused("too-late");
                return Err(too_late(refused));
            }
        };
        self.outcome(&case, deadline).await
    }

    async fn outcome(&self, case: &Case, deadline: Deadline) -> Result<Response<Body>, Problem> {
        let mut progress = case.progress.subscribe();
        let decided = progress.wait_for(Progress::is_decided);
        let decided = match timeout_at(deadline.instant(), decided).await {
            Ok(Ok(progress)) => progress.clone(),
            Ok(Err(_)) | Err(_) => return Err(pending(case.id)),
        };
        match (decided.turned_back, decided.order) {
            (None, Some(order)) => Ok(created(case.id, &order)),
            (Some((step, Cause::Refused { reason })), _) => {
                self.refused(step, &reason, deadline).await
            }
            (Some((_, Cause::GaveUp { .. })), _) | (None, None) => {
                Err(unavailable("it was tried for long, and is taken back; order again"))
            }
        }
    }

    /// What a participant's refusal means to the client.
    async fn refused(
        &self,
        step: usize,
        reason: &str,
        deadline: Deadline,
    ) -> Result<Response<Body>, Problem> {
        let problem: Value = serde_json::from_str(reason).unwrap_or(Value::Null);
        let detail = problem.get("detail").and_then(Value::as_str).unwrap_or("it was declined");
        if step == ORDER_STEP
            && let Some(other) = problem.get("duplicate_of").and_then(Value::as_str)
        {
            // The key is older than what is remembered here.
            if problem.get("is_same") != Some(&json!(true)) {
                let detail = "this Idempotency-Key was used with another request";
                return Err(Problem::unprocessable(detail));
            }
            return self.earlier(other, deadline).await;
        }
        if problem.get("status") == Some(&json!(409)) {
            let title = "The order cannot be fulfilled now";
            return Err(Problem::new(StatusCode::CONFLICT, "declined", title, detail));
        }
        Err(Problem::unprocessable(detail))
    }

    async fn earlier(&self, id: &str, deadline: Deadline) -> Result<Response<Body>, Problem> {
        let found = self.participants[ORDER_STEP].get(format!("/orders/{id}"), deadline).await;
        let found = found.ok().filter(|found| found.status.is_success());
        let order = found.and_then(|found| serde_json::from_slice(&found.body).ok());
        let id = Uuid::try_parse(id).ok();
        match (id, order) {
            (Some(id), Some(order)) => Ok(created(id, &order)),
            _ => Err(unavailable("the order was made before, and cannot be shown now")),
        }
    }
}

fn created(id: Uuid, order: &Value) -> Response<Body> {
    let mut response = answer::json(StatusCode::CREATED, order);
    if let Ok(location) = HeaderValue::try_from(format!("/orders/{id}")) {
        response.headers_mut().insert(header::LOCATION, location);
    }
    response
}

fn unavailable(detail: &str) -> Problem {
    Problem::unavailable(RETRY_AFTER, format!("nothing was ordered: {detail}"))
}

fn too_late(refused: Refused) -> Problem {
    let detail = "nothing was ordered: as many orders wait as can be decided in time";
    Problem::unavailable(refused.retry_after, detail)
}

/// 504 and not 503: the order may yet be made.
fn pending(id: Uuid) -> Problem {
    let title = "It is not known yet whether the order is made";
    let detail = format!(
        "it is being worked on: ask GET /orders/{id}, or retry with the same Idempotency-Key"
    );
    Problem::new(StatusCode::GATEWAY_TIMEOUT, "outcome-unknown", title, detail)
}
