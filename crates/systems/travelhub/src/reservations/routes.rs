//! The service's HTTP surface.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, RawQuery, State};
use axum::http::{HeaderMap, HeaderValue, Request, Response, StatusCode, header};
use axum::routing::{get, post};
use serde::Serialize;
use serde_json::json;
use standfast_tactics::deadline::Deadline;
use tokio::time::Instant;
use uuid::Uuid;

use super::super::wire::Reservation;
use super::desk::Desk;
use super::draft::{Draft, PaymentDraft};
use super::events::Followed;
use super::query;
use super::writing::{Outcome, Write};
use crate::service::answer;
use crate::service::database::RETRY_AFTER;
use crate::service::idempotency::IdempotencyKey;
use crate::service::problem::Problem;

/// A reservation has some 150 bytes.
const BODY_LENGTH_MAX: usize = 4096;

type App = State<Arc<Desk>>;

pub(super) fn router(desk: Arc<Desk>) -> Router {
    let router = Router::new()
        .route("/reservations", post(hold).get(of_customer))
        .route("/reservations/{id}", get(show))
        .route("/reservations/{id}/payment", post(pay))
        .route("/reservations/{id}/cancel", post(cancel))
        .route("/ledger", get(all))
        .route("/events", get(follow))
        .route("/events/snapshot", get(snapshot))
        .route("/health", get(answer::health))
        .route("/ready", get(ready))
        .route("/metrics", get(metrics));
    answer::with_fallbacks(router).with_state(desk)
}

/// A write's request, read.
struct Asked {
    body: axum::body::Bytes,
    key: Option<IdempotencyKey>,
    deadline: Deadline,
}

impl Asked {
    async fn read(desk: &Desk, request: Request<Body>) -> Result<Self, Problem> {
        let start = Instant::now();
        let (parts, body) = request.into_parts();
        let deadline = answer::deadline_of(&parts.headers, start, desk.settings.request_budget)?;
        let body = answer::body(body, BODY_LENGTH_MAX, deadline).await?;
        let key = IdempotencyKey::of_request(&parts.headers, "POST", parts.uri.path(), &body)?;
        if !desk.database.is_there() {
            return Err(Problem::unavailable(
                RETRY_AFTER,
                "nothing was written: the database is away",
            ));
        }
        Ok(Self { body, key, deadline })
    }
}

async fn hold(State(desk): App, request: Request<Body>) -> Response<Body> {
    let result = async {
        let asked = Asked::read(&desk, request).await?;
        let Draft { offer_id, check_in, nights, guests, customer } = Draft::parse(&asked.body)?;
        let hold_ms = u64::try_from(desk.settings.hold_for.as_millis()).unwrap_or(u64::MAX);
        let id = Uuid::now_v7();
        let write = Write::Hold { id, offer_id, check_in, nights, guests, customer, hold_ms };
        let outcome = desk.writing.write(&write, asked.key.as_ref(), asked.deadline).await?;
        respond(&desk, outcome, asked.deadline, Payment::Unasked).await
    };
    let result = result.await;
    finish(&desk, "hold", result)
}

async fn pay(State(desk): App, Path(id): Path<String>, request: Request<Body>) -> Response<Body> {
    let result = async {
        let id = query::id(&id)?;
        let asked = Asked::read(&desk, request).await?;
        let draft = PaymentDraft::parse(&asked.body)?;
        let outcome = desk.pay(id, draft, asked.key.as_ref(), asked.deadline).await?;
        respond(&desk, outcome, asked.deadline, Payment::Asked).await
    };
    let result = result.await;
    finish(&desk, "pay", result)
}

async fn cancel(
    State(desk): App,
    Path(id): Path<String>,
    request: Request<Body>,
) -> Response<Body> {
    let result = async {
        let id = query::id(&id)?;
        let asked = Asked::read(&desk, request).await?;
        if !asked.body.is_empty() && serde_json::from_slice(&asked.body).ok() != Some(json!({})) {
            return Err(Problem::bad_request("a cancellation has no body, or an empty object"));
        }
        let write = Write::Cancel { id };
        let outcome = desk.writing.write(&write, asked.key.as_ref(), asked.deadline).await?;
        respond(&desk, outcome, asked.deadline, Payment::Unasked).await
    };
    let result = result.await;
    finish(&desk, "cancel", result)
}

async fn show(State(desk): App, Path(id): Path<String>, headers: HeaderMap) -> Response<Body> {
    let result = async {
        let deadline = deadline(&desk, &headers)?;
        Ok(answer::raw_json(StatusCode::OK, desk.reservation(query::id(&id)?, deadline).await?))
    };
    let result = result.await;
    finish(&desk, "show", result)
}

async fn of_customer(
    State(desk): App,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response<Body> {
    let result = async {
        let page = query::of_customer(query.as_deref().unwrap_or(""))?;
        let page = desk.page(&page, deadline(&desk, &headers)?).await?;
        Ok(answer::raw_json(StatusCode::OK, page.json()))
    };
    let result = result.await;
    finish(&desk, "list", result)
}

/// All reservations, a page at a time, for whoever settles accounts. The gateway does not lead
/// here.
async fn all(State(desk): App, RawQuery(query): RawQuery, headers: HeaderMap) -> Response<Body> {
    let result = async {
        let page = query::all(query.as_deref().unwrap_or(""))?;
        let page = desk.page(&page, deadline(&desk, &headers)?).await?;
        Ok(answer::raw_json(StatusCode::OK, page.json()))
    };
    let result = result.await;
    finish(&desk, "ledger", result)
}

async fn follow(State(desk): App, RawQuery(query): RawQuery, headers: HeaderMap) -> Response<Body> {
    let result = async {
        let following = query::following(query.as_deref().unwrap_or(""))?;
        match desk.follow(&following, deadline(&desk, &headers)?).await? {
            Followed::Page(page) => Ok(answer::raw_json(StatusCode::OK, page)),
            Followed::Gone(gone) => Ok(answer::json(StatusCode::GONE, &gone)),
            Followed::Ahead { settled } => {
                let title = "The log does not go that far";
                let detail = format!("it is settled up to {settled}: was it set back?");
                Err(Problem::new(StatusCode::CONFLICT, "ahead-of-log", title, detail))
            }
        }
    };
    let result = result.await;
    finish(&desk, "follow", result)
}

async fn snapshot(State(desk): App, headers: HeaderMap) -> Response<Body> {
    let result = async {
        Ok(answer::raw_json(StatusCode::OK, desk.snapshot(deadline(&desk, &headers)?).await?))
    };
    let result = result.await;
    finish(&desk, "snapshot", result)
}

fn deadline(desk: &Desk, headers: &HeaderMap) -> Result<Deadline, Problem> {
    answer::deadline_of(headers, Instant::now(), desk.settings.request_budget)
}

/// Whether the answer says something of a payment.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Payment {
    Asked,
    Unasked,
}

/// A reservation, and how its payment stands.
#[derive(Serialize)]
struct Answer<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    payment: Option<&'static str>,
    #[serde(flatten)]
    reservation: &'a Reservation,
}

async fn respond(
    desk: &Desk,
    outcome: Outcome,
    deadline: Deadline,
    payment: Payment,
) -> Result<Response<Body>, Problem> {
    let status = StatusCode::from_u16(outcome.status).unwrap_or(StatusCode::OK);
    let Some(reservation) = &outcome.body else {
        return Err(problem_of(status, outcome.problem));
    };
    if let Some(reporting) = &desk.reporting {
        reporting.report(reservation, deadline).await?;
    }
    let pays = payment == Payment::Asked;
    let stands = if status == StatusCode::ACCEPTED { "pending" } else { "paid" };
    let answer = Answer { payment: pays.then_some(stands), reservation };
    let mut response = answer::json(status, &answer);
    if status == StatusCode::CREATED || status == StatusCode::ACCEPTED {
        let location = format!("/reservations/{}", reservation.reservation_id);
        let location = HeaderValue::try_from(location).expect("a UUID is visible ASCII");
        response.headers_mut().insert(header::LOCATION, location);
    }
    Ok(response)
}

fn problem_of(status: StatusCode, why: Option<String>) -> Problem {
    let why = why.unwrap_or_default();
    match status {
        StatusCode::NOT_FOUND => Problem::not_found(why),
        StatusCode::CONFLICT => {
            Problem::new(status, "conflict", "The reservation cannot be made or changed so", why)
        }
        StatusCode::PAYMENT_REQUIRED => {
            Problem::new(status, "card-refused", "The card was refused", why)
        }
        _ => Problem::unprocessable(why),
    }
}

fn finish(
    desk: &Desk,
    operation: &'static str,
    result: Result<Response<Body>, Problem>,
) -> Response<Body> {
    answer::counted(result, |outcome| desk.metrics.answered(operation, outcome))
}

/// The cashier is no condition: without it, payments are pending.
async fn ready(State(desk): App) -> Response<Body> {
    answer::ready(desk.database.is_there(), "the database is away")
}

async fn metrics(State(desk): App) -> Response<Body> {
    answer::metrics(desk.metrics.render())
}
