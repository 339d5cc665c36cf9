//! The inventory service's HTTP surface.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, RawQuery, State};
use axum::http::{HeaderMap, Request, Response, StatusCode};
use axum::response::IntoResponse;
use axum::routing::{get, post};
use standfast_tactics::deadline::Deadline;
use time::Date;
use time::macros::format_description;
use tokio::time::Instant;
use uuid::Uuid;

use super::stock::{Stay, Stock};
use crate::service::answer;
use crate::service::problem::Problem;

/// The longest stay.
const NIGHTS_MAX: i32 = 14;

/// A pushed page of some thousand entries.
const BODY_LENGTH_MAX: usize = 4 << 20;

type App = State<Arc<Stock>>;

pub(super) fn router(stock: Arc<Stock>) -> Router {
    let mut router = Router::new()
        .route("/availability/{offer}", get(availability))
        .route("/inventory", get(city))
        .route("/differences", get(differences))
        .route("/health", get(answer::health))
        .route("/ready", get(ready))
        .route("/metrics", get(metrics));
    if !stock.settings.follower.asks {
        router = router.route("/events", post(pushed));
    }
    answer::with_fallbacks(router).with_state(stock)
}

async fn availability(
    State(stock): App,
    Path(offer): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response<Body> {
    let result = async {
        let stay = stay(&offer, query.as_deref().unwrap_or(""))?;
        stock.availability(stay, deadline(&stock, &headers)?).await
    };
    finish(result.await)
}

async fn city(State(stock): App, RawQuery(query): RawQuery, headers: HeaderMap) -> Response<Body> {
    let result = async {
        let number = query.as_deref().and_then(|query| query.strip_prefix("city="));
        let city = number.and_then(|number| number.parse().ok());
        let city = city.ok_or_else(|| Problem::bad_request("ask for `city=` and its number"))?;
        stock.city(city, deadline(&stock, &headers)?).await
    };
    finish(result.await)
}

async fn differences(State(stock): App, headers: HeaderMap) -> Response<Body> {
    let result = async { stock.compare(deadline(&stock, &headers)?).await };
    finish(result.await)
}

async fn pushed(State(stock): App, request: Request<Body>) -> Response<Body> {
    let result = async {
        let (parts, body) = request.into_parts();
        let deadline = deadline(&stock, &parts.headers)?;
        let body = answer::body(body, BODY_LENGTH_MAX, deadline).await?;
        let page = serde_json::from_slice(&body)
            .map_err(|error| Problem::bad_request(format!("the body is no page: {error}")))?;
        stock.take_pushed(&page, deadline).await?;
        Ok("{}".to_owned())
    };
    finish(result.await)
}

fn stay(offer: &str, query: &str) -> Result<Stay, Problem> {
    let offer_id = Uuid::try_parse(offer).ok().filter(|_| offer.len() == 36);
    let offer_id = offer_id.ok_or_else(|| Problem::bad_request("an id is a UUID"))?;
    let (mut check_in, mut nights) = (None, None);
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let wrong = || Problem::bad_request(format!("`{pair}` is no part of a stay"));
        match pair.split_once('=') {
            Some(("check_in", day)) => {
                let format = format_description!("[year]-[month]-[day]");
                check_in = Some(Date::parse(day, format).map_err(|_| wrong())?);
            }
            Some(("nights", number)) => {
                let number = number.parse().ok().filter(|nights| (1..=NIGHTS_MAX).contains(nights));
                nights = Some(number.ok_or_else(wrong)?);
            }
            Some(_) | None => return Err(wrong()),
        }
    }
    let stay = check_in.zip(nights).map(|(check_in, nights)| Stay { offer_id, check_in, nights });
    stay.ok_or_else(|| Problem::bad_request("a stay has `check_in` and `nights`"))
}

fn deadline(stock: &Stock, headers: &HeaderMap) -> Result<Deadline, Problem> {
    answer::deadline_of(headers, Instant::now(), stock.settings.follower.request_budget)
}

fn finish(result: Result<String, Problem>) -> Response<Body> {
    result.map_or_else(IntoResponse::into_response, |json| answer::raw_json(StatusCode::OK, json))
}

/// One that has not caught up since its start would answer from the past.
async fn ready(State(stock): App) -> Response<Body> {
    if !stock.database.is_there() {
        return answer::ready(false, "the database is away");
    }
    let has_caught_up = !stock.settings.follower.asks || stock.progress.is_caught_up();
    answer::ready(has_caught_up, "it has not caught up yet")
}

async fn metrics(State(stock): App) -> Response<Body> {
    answer::metrics(stock.metrics())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stay_has_a_house_a_day_and_nights() {
        let id = Uuid::now_v7().to_string();
        let found = stay(&id, "check_in=2027-03-01&nights=3").unwrap();
        assert_eq!((found.offer_id.to_string(), found.nights), (id.clone(), 3));
        for wrong in ["", "check_in=2027-03-01", "nights=3", "check_in=2027-02-30&nights=3"] {
            assert_eq!(stay(&id, wrong).unwrap_err().status(), 400, "{wrong}");
        }
        assert!(stay(&id, "check_in=2027-03-01&nights=15").is_err());
        assert!(stay("7", "check_in=2027-03-01&nights=1").is_err());
    }
}
