//! The HTTP surface of a payment replica.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::{Request, Response, StatusCode};
use axum::response::IntoResponse;
use axum::routing::{get, post};
use serde_json::json;
use time::macros::date;
use time::{Date, OffsetDateTime};
use tokio::time::Instant;
use uuid::Uuid;

use super::super::wire::{ChargeKind, ComputeRequest, Currency, Quote, Statement};
use super::replica::{RULES, Replica};
use crate::service::answer;
use crate::service::fault_layer::{Committed, Misconduct};
use crate::service::problem::Problem;

/// A year of nights fits.
const BODY_LENGTH_MAX: usize = 8 * 1024;

/// What is computed takes microseconds; the rest is the body on its way.
const REQUEST_BUDGET: Duration = Duration::from_secs(1);

/// What the sample is about.
const SAMPLE_DAY: Date = date!(2027 - 03 - 01);

type App = State<Arc<Replica>>;

pub(super) fn router(replica: Arc<Replica>) -> Router {
    let router = Router::new()
        .route("/charges/compute", post(compute))
        .route("/charges/sample", get(sample))
        .route("/key", get(key))
        .route("/health", get(health))
        .route("/ready", get(async || answer::json(StatusCode::OK, &json!({ "ready": true }))))
        .route("/metrics", get(metrics));
    answer::with_fallbacks(router).with_state(replica)
}

async fn compute(State(replica): App, request: Request<Body>) -> Response<Body> {
    let computed = computed(&replica, request).await;
    replica.count(computed.is_ok());
    computed.unwrap_or_else(IntoResponse::into_response)
}

async fn computed(replica: &Replica, request: Request<Body>) -> Result<Response<Body>, Problem> {
    let told = request.extensions().get::<Misconduct>().copied();
    let (parts, body) = request.into_parts();
    let deadline = answer::deadline_of(&parts.headers, Instant::now(), REQUEST_BUDGET)?;
    let body = answer::body(body, BODY_LENGTH_MAX, deadline).await?;
    let asked: ComputeRequest = serde_json::from_slice(&body).map_err(|error| {
        let text = error.to_string();
        if error.is_data() { Problem::unprocessable(text) } else { Problem::bad_request(text) }
    })?;
    let said = replica.say(replica.statement(&asked, OffsetDateTime::now_utc())?, told);
    if !said.is_misconduct {
        // Only the first of all is kept.
        let _ = replica.first.set(said.signed.clone());
    }
    let response = answer::json(StatusCode::OK, &said.signed);
    Ok(confessed(response, said.is_misconduct))
}

/// What it would say to two askers of a charge that nobody makes. It has long expired, so that it
/// is of no use to anybody, and is always the same: every way in which a replica lies shows here.
async fn sample(State(replica): App, request: Request<Body>) -> Response<Body> {
    let told = request.extensions().get::<Misconduct>().copied();
    let quote = Quote {
        reservation_id: Uuid::nil(),
        offer_id: Uuid::nil(),
        check_in: SAMPLE_DAY,
        price_cents: 10_000,
        night_percents: vec![100],
        tax_permille: 70,
        currency: Currency::EUR,
    };
    let said = ["sample/a", "sample/b"].map(|asker| {
        let (kind, attempt) = (ChargeKind::Charge, Uuid::nil());
        let asked = ComputeRequest { kind, attempt, asker: asker.to_owned(), quote: quote.clone() };
        let honest = replica.statement(&asked, OffsetDateTime::UNIX_EPOCH)?;
        let expires = OffsetDateTime::UNIX_EPOCH;
        Ok::<_, Problem>(replica.say(Statement { expires, ..honest }, told))
    });
    let [Ok(to_a), Ok(to_b)] = said else {
        return Problem::unprocessable("the sample comes to nothing").into_response();
    };
    let is_misconduct = to_a.is_misconduct || to_b.is_misconduct;
    let response = answer::json(StatusCode::OK, &json!([to_a.signed, to_b.signed]));
    confessed(response, is_misconduct)
}

/// Says so where only the fault layer sees it.
fn confessed(mut response: Response<Body>, is_misconduct: bool) -> Response<Body> {
    if is_misconduct {
        response.extensions_mut().insert(Committed);
    }
    response
}

async fn key(State(replica): App) -> Response<Body> {
    answer::json(StatusCode::OK, &replica.introduction())
}

async fn health(State(replica): App) -> Response<Body> {
    let body = json!({ "status": "ok", "replica": replica.name(), "rules": RULES });
    answer::json(StatusCode::OK, &body)
}

async fn metrics(State(replica): App) -> Response<Body> {
    let (answered, refused) =
        (replica.answered.load(Ordering::Relaxed), replica.refused.load(Ordering::Relaxed));
    answer::metrics(format!(
        "# HELP payments_computed_total Charges that were computed\n\
         # TYPE payments_computed_total counter\n\
         payments_computed_total{{outcome=\"answered\"}} {answered}\n\
         payments_computed_total{{outcome=\"refused\"}} {refused}\n"
    ))
}
