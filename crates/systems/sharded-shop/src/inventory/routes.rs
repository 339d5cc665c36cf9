//! The HTTP surface of the inventory.

use std::sync::Arc;

use axum::Router as Routes;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, Request, Response, StatusCode, header};
use axum::routing::{get, post, put};
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use super::super::routing::{Desk, InPath, checked_sku, parse};
use super::product::{self, ProductChange};
use super::take::{self, Line, Take, TakeDraft};
use crate::service::answer;
use crate::service::idempotency::IdempotencyKey;
use crate::service::problem::Problem;

/// More units in one delivery are a mistake.
const DELIVERED_MAX: i64 = 1_000_000_000_000;

/// Ten million euros. A take has up to a million units, so that a line is worth 10^15 cents, and
/// reports may add up nine thousand of the dearest before a number of 64 bits is too small.
const PRICE_CENTS_MAX: i64 = 1_000_000_000;

type App = State<Arc<Desk>>;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Price {
    price_cents: i64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Delivery {
    quantity: i64,
}

pub(super) fn router(desk: Arc<Desk>) -> Routes {
    let routes = Routes::new()
        .route("/takes", post(create))
        .route("/takes/{take_id}/release", post(release))
        .route("/products/{sku}", get(show))
        .route("/products/{sku}/price", put(price))
        .route("/products/{sku}/deliveries", post(deliver))
        .route("/health", get(answer::health))
        .route("/ready", get(ready))
        .route("/metrics", get(async |State(desk): App| desk.render()));
    answer::with_fallbacks(routes).with_state(desk)
}

async fn ready(State(desk): App) -> Response<Body> {
    answer::ready(desk.router.is_complete(), "the map or a shard is away")
}

async fn create(State(desk): App, request: Request<Body>) -> Response<Body> {
    let result = try_create(&desk, request).await;
    desk.respond("take", result)
}

async fn try_create(desk: &Desk, request: Request<Body>) -> Result<Response<Body>, Problem> {
    let (parts, body, deadline) = desk.read(request).await?;
    let take = parse::<TakeDraft>(&body)?.check(None)?;
    check_key(&parts.headers, &take)?;
    Ok(match take::take(&desk.router, &take, deadline).await? {
        Ok(lines) => {
            let body = json!({ "take_id": take.id, "lines": lines });
            answer::json(StatusCode::CREATED, &body)
        }
        Err(lines) => refused(&take, &lines),
    })
}

/// The key of a take is its id: whoever sends both must mean one thing.
fn check_key(headers: &HeaderMap, take: &Take) -> Result<(), Problem> {
    let key = IdempotencyKey::of_request(headers, "POST", "/takes", b"")?;
    let is_other = key.is_some_and(|key| Uuid::parse_str(&key.key).ok() != Some(take.id));
    if is_other {
        return Err(Problem::unprocessable("the Idempotency-Key must be the `take_id`"));
    }
    Ok(())
}

/// Under this id the answer stays.
fn refused(take: &Take, lines: &[Line]) -> Response<Body> {
    let of = |state: &'static str| lines.iter().filter(move |line| line.state == state);
    let short: Vec<Value> =
        of("short").map(|line| json!({ "sku": line.sku, "stock": line.stock })).collect();
    let unknown: Vec<&str> = of("unknown").map(|line| line.sku.as_str()).collect();
    let is_released = short.is_empty() && unknown.is_empty();
    let title = "The take was refused, and nothing is held";
    let detail = if is_released { "it was given back" } else { "not all lines are in stock" };
    let body = json!({
        "type": "urn:standfast:problem:take-refused", "title": title, "status": 409,
        "detail": detail, "take_id": take.id, "short": short, "unknown": unknown,
    });
    let mut response = answer::json(StatusCode::CONFLICT, &body);
    let kind = HeaderValue::from_static("application/problem+json");
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    response
}

async fn release(
    State(desk): App,
    InPath(take_id): InPath<String>,
    request: Request<Body>,
) -> Response<Body> {
    let result = async {
        let (_, body, deadline) = desk.read(request).await?;
        let id = Uuid::parse_str(&take_id)
            .map_err(|_| Problem::unprocessable("the id of a take is a UUID"))?;
        let take = parse::<TakeDraft>(&body)?.check(Some(id))?;
        let lines = take::release(&desk.router, &take, deadline).await?;
        let released: Vec<&str> = lines
            .iter()
            .filter(|line| line.state == "released")
            .map(|line| line.sku.as_str())
            .collect();
        Ok(answer::json(StatusCode::OK, &json!({ "take_id": id, "released": released })))
    };
    let result = result.await;
    desk.respond("release", result)
}

async fn show(State(desk): App, InPath(sku): InPath<String>, headers: HeaderMap) -> Response<Body> {
    let result = async {
        let deadline = desk.deadline(&headers)?;
        let found = product::show(&desk.router, &checked_sku(sku)?, deadline).await?;
        Ok(answer::json(StatusCode::OK, &found))
    };
    let result = result.await;
    desk.respond("show", result)
}

async fn price(
    State(desk): App,
    InPath(sku): InPath<String>,
    request: Request<Body>,
) -> Response<Body> {
    let change = |body: &[u8]| {
        let cents = bounded("price_cents", parse::<Price>(body)?.price_cents, PRICE_CENTS_MAX)?;
        Ok(ProductChange::Price { cents })
    };
    let result = try_change(&desk, sku, request, change).await;
    desk.respond("price", result)
}

async fn deliver(
    State(desk): App,
    InPath(sku): InPath<String>,
    request: Request<Body>,
) -> Response<Body> {
    let change = |body: &[u8]| {
        let quantity = bounded("quantity", parse::<Delivery>(body)?.quantity, DELIVERED_MAX)?;
        Ok(ProductChange::Delivery { quantity })
    };
    let result = try_change(&desk, sku, request, change).await;
    desk.respond("deliver", result)
}

async fn try_change(
    desk: &Desk,
    sku: String,
    request: Request<Body>,
    change: impl Fn(&[u8]) -> Result<ProductChange, Problem>,
) -> Result<Response<Body>, Problem> {
    let (parts, body, deadline) = desk.read(request).await?;
    let (sku, change) = (checked_sku(sku)?, change(&body)?);
    let key = IdempotencyKey::of_request(&parts.headers, "PUT", "", b"")?;
    // Without one it cannot be repeated by the client; it is here, after a failover.
    let key = key.map_or_else(|| Uuid::now_v7().to_string(), |key| key.key);
    let changed = product::change(&desk.router, &sku, &key, change, deadline).await?;
    Ok(answer::json(StatusCode::OK, &changed))
}

fn bounded(field: &str, amount: i64, amount_max: i64) -> Result<i64, Problem> {
    if !(1..=amount_max).contains(&amount) {
        return Err(Problem::unprocessable(format!("`{field}` must be from 1 to {amount_max}")));
    }
    Ok(amount)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_price_is_low_enough_for_reports_to_add_up_takes_of_it() {
        assert_eq!(
            bounded("price_cents", PRICE_CENTS_MAX, PRICE_CENTS_MAX).unwrap(),
            1_000_000_000
        );
        for wrong in [0, -1, PRICE_CENTS_MAX + 1, i64::MAX] {
            let refused = bounded("price_cents", wrong, PRICE_CENTS_MAX).unwrap_err();
            assert_eq!(refused.status(), 422, "{wrong}");
        }
        let dearest = PRICE_CENTS_MAX.checked_mul(take::QUANTITY_MAX).unwrap();
        assert!(dearest.checked_mul(9_000).is_some(), "what a report adds up");
    }
}
