//! The HTTP surface of the shop.

use std::sync::Arc;

use axum::Router as Routes;
use axum::body::Body;
use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, HeaderValue, Request, Response, StatusCode};
use axum::routing::get;
use serde_json::{Value, json};
use uuid::Uuid;

use super::super::routing::{InPath, Query, checked_sku, parse};
use super::users::UserDraft;
use super::{Shop, figures, listing, placements, users};
use crate::service::answer;
use crate::service::page::PageRequest;
use crate::service::problem::Problem;

/// Whether all shards are in an answer: `complete`, `partial`, or `none`.
const SOURCE: &str = "x-source";

const TOP: u32 = 10;
const TOP_MAX: u32 = 100;
const KEYS: u32 = 1_000_000;
const KEYS_MAX: u32 = 2_000_000;
const SHARDS: u32 = 16;
const SHARDS_MAX: u32 = 64;

type App = State<Arc<Shop>>;

pub(super) fn router(shop: Arc<Shop>) -> Routes {
    let routes = Routes::new()
        .route("/users/{id}", get(show_user).post(create_user))
        .route("/products", get(products))
        .route("/stats", get(stats))
        .route("/hot-keys", get(hot_keys))
        .route("/placements", get(compare))
        .route("/health", get(answer::health))
        .route("/ready", get(ready))
        .route("/metrics", get(async |State(shop): App| shop.desk.render()));
    answer::with_fallbacks(routes).with_state(shop)
}

/// A shard that is away is no reason to send clients elsewhere: answers say what they lack.
async fn ready(State(shop): App) -> Response<Body> {
    let router = &shop.desk.router;
    let is_ready = if shop.is_partial_allowed { router.has_map() } else { router.is_complete() };
    answer::ready(is_ready, "the map or a shard is away")
}

async fn create_user(
    State(shop): App,
    InPath(id): InPath<String>,
    request: Request<Body>,
) -> Response<Body> {
    let result = async {
        let (_, body, deadline) = shop.desk.read(request).await?;
        let (id, name) = (user_id(&id)?, parse::<UserDraft>(&body)?.check()?);
        let user = users::create(&shop.desk.router, id, &name, deadline).await?;
        Ok(answer::json(StatusCode::CREATED, &user))
    };
    let result = result.await;
    shop.desk.respond("create_user", result)
}

async fn show_user(
    State(shop): App,
    InPath(id): InPath<String>,
    headers: HeaderMap,
) -> Response<Body> {
    let result = async {
        let deadline = shop.desk.deadline(&headers)?;
        let user = users::show(&shop.desk.router, user_id(&id)?, deadline).await?;
        Ok(answer::json(StatusCode::OK, &user))
    };
    let result = result.await;
    shop.desk.respond("show_user", result)
}

async fn products(
    State(shop): App,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response<Body> {
    let result = async {
        let sku = |text: &str| checked_sku(text.to_owned()).ok();
        let page = PageRequest::parse(query.as_deref(), sku)?;
        let deadline = shop.desk.deadline(&headers)?;
        told(listing::products(&shop, page, deadline).await)
    };
    let result = result.await;
    shop.desk.respond("products", result)
}

async fn stats(State(shop): App, headers: HeaderMap) -> Response<Body> {
    let result = async {
        let deadline = shop.desk.deadline(&headers)?;
        told(listing::stats(&shop, deadline).await)
    };
    let result = result.await;
    shop.desk.respond("stats", result)
}

/// The answer, and in a header whether it is whole.
fn told(gathered: Result<(Value, bool), Problem>) -> Result<Response<Body>, Problem> {
    let (body, is_complete) = gathered.map_err(|problem| problem.with_header(SOURCE, "none"))?;
    let mut response = answer::json(StatusCode::OK, &body);
    let source = HeaderValue::from_static(if is_complete { "complete" } else { "partial" });
    response.headers_mut().insert(SOURCE, source);
    Ok(response)
}

async fn hot_keys(
    State(shop): App,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response<Body> {
    let result = async {
        let query = Query::parse(query.as_deref(), &["limit"])?;
        let count = query.number("limit", TOP, 1..=TOP_MAX)? as usize;
        let map = shop.desk.router.map(shop.desk.deadline(&headers)?).await?;
        let shown = shop.desk.router.hot_keys(|keys| figures::hot_keys(keys, &map, count));
        Ok(answer::json(StatusCode::OK, &shown))
    };
    let result = result.await;
    shop.desk.respond("hot_keys", result)
}

async fn compare(State(shop): App, RawQuery(query): RawQuery) -> Response<Body> {
    let result = async {
        let query = Query::parse(query.as_deref(), &["keys", "shards"])?;
        let keys = u64::from(query.number("keys", KEYS, 1..=KEYS_MAX)?);
        let shards = query.number("shards", SHARDS, 1..=SHARDS_MAX)? as u16;
        let again = std::time::Duration::from_secs(1);
        let busy = |_| Problem::too_many(again, "one comparison at a time");
        let place = Arc::clone(&shop.placing).try_acquire_owned().map_err(busy)?;
        // A client that hangs up does not end the work, so that the place goes along with it.
        let work = move || {
            let _place = place;
            placements::compare(keys, shards)
        };
        let compared = tokio::task::spawn_blocking(work).await;
        let figures =
            compared.map_err(|_| Problem::unavailable(again, "the comparison was cut off"))??;
        let body = json!({ "keys": keys, "shards": shards, "placements": figures });
        Ok(answer::json(StatusCode::OK, &body))
    };
    let result = result.await;
    shop.desk.respond("placements", result)
}

fn user_id(id: &str) -> Result<Uuid, Problem> {
    Uuid::parse_str(id).map_err(|_| Problem::unprocessable("the id of a user is a UUID"))
}
