//! The HTTP surface of the resharder.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{Request as HttpRequest, Response, StatusCode};
use axum::routing::{get, post};
use serde_json::{Value, json};
use standfast_reshard::catalog::{CatalogError, RequestKey};
use standfast_reshard::core::{Map, Record, Wish};
use tokio::time::Instant;

use super::desk::{Desk, away};
use super::request;
use crate::service::answer;
use crate::service::idempotency::IdempotencyKey;
use crate::service::problem::Problem;

const BODY_LENGTH_MAX: usize = 4096;
/// The catalog may be failing over.
const BUDGET: Duration = Duration::from_secs(5);
/// The last of them, the newest first.
const MOVES_SHOWN: u32 = 64;

type App = State<Arc<Desk>>;

pub(super) fn router(desk: Arc<Desk>) -> Router {
    let router = Router::new()
        .route("/map", get(map))
        .route("/moves", get(moves).post(ask))
        .route("/moves/{id}", get(one))
        .route("/moves/{id}/{wish}", post(turn))
        .route("/health", get(answer::health))
        .route("/ready", get(ready))
        .route("/metrics", get(metrics));
    answer::with_fallbacks(router).with_state(desk)
}

/// Whether there is a map, and every shard refuses what it does not own.
async fn ready(State(desk): App) -> Response<Body> {
    let trouble = desk.current_trouble();
    answer::ready(desk.is_installed(), trouble.as_deref().unwrap_or("the shards are being made"))
}

async fn metrics(State(desk): App) -> Response<Body> {
    answer::metrics(desk.metrics.render())
}

async fn map(State(desk): App) -> Result<Response<Body>, Problem> {
    let map = desk.ask(async |catalog| catalog.map().await).await?.map_err(problem)?;
    let map = map.ok_or_else(|| away("there is no map yet"))?;
    Ok(answer::json(StatusCode::OK, &map_view(&map)))
}

fn map_view(map: &Map) -> Value {
    let shares = map.shares();
    let ranges = shares.iter().flat_map(|(shard, _)| {
        let slots = map.slots_of(shard);
        let range = |range: &standfast_reshard::core::SlotRange| {
            json!({ "first": range.first, "last": range.last, "shard": shard })
        };
        slots.ranges().iter().map(range).collect::<Vec<_>>()
    });
    let mut owners: Vec<Value> = ranges.collect();
    owners.sort_unstable_by_key(|range| range["first"].as_u64());
    let shares: serde_json::Map<_, _> =
        shares.iter().map(|(shard, count)| (shard.clone(), json!(count))).collect();
    json!({ "epoch": map.epoch, "slots": map.owners.len(), "shares": shares, "owners": owners })
}

async fn moves(State(desk): App) -> Result<Response<Body>, Problem> {
    let found = desk.ask(async |catalog| catalog.last_moves(MOVES_SHOWN).await).await?;
    let views: Vec<Value> =
        found.map_err(problem)?.iter().map(|record| move_view(&desk, record)).collect();
    let trouble = desk.current_trouble();
    let body = json!({ "moves": views, "trouble": trouble, "away": desk.current_away() });
    Ok(answer::json(StatusCode::OK, &body))
}

async fn one(State(desk): App, Path(id): Path<u64>) -> Result<Response<Body>, Problem> {
    let record = desk.ask(async |catalog| catalog.record(id).await).await?.map_err(problem)?;
    Ok(answer::json(StatusCode::OK, &move_view(&desk, &record)))
}

/// The record, and what this process has seen of the move.
fn move_view(desk: &Desk, record: &Record) -> Value {
    let mut view = json!(desk.seen(record.id));
    view["id"] = json!(record.id);
    view["source"] = json!(record.source);
    view["target"] = json!(record.target);
    view["slots"] = json!(record.slots);
    view["phase"] = json!(record.phase.name());
    view["ending"] = json!(record.ending());
    view["problem"] = json!(record.problem);
    view
}

async fn ask(State(desk): App, request: HttpRequest<Body>) -> Result<Response<Body>, Problem> {
    let start = Instant::now();
    let (parts, body) = request.into_parts();
    let deadline = answer::deadline_of(&parts.headers, start, BUDGET)?;
    let body = answer::body(body, BODY_LENGTH_MAX, deadline).await?;
    let wanted = request::parse(&body, &desk.settings.fleet)?;
    let key = IdempotencyKey::of_request(&parts.headers, "POST", "/moves", &body)?;
    let key = key.map(|key| RequestKey(key.key));
    let planned = desk.ask(async |catalog| catalog.request(&wanted, key.as_ref()).await).await?;
    let records = planned.map_err(problem)?;
    desk.asked.notify_one();
    let views: Vec<Value> = records.iter().map(|record| move_view(&desk, record)).collect();
    let ids: Vec<u64> = records.iter().map(|record| record.id).collect();
    Ok(answer::json(StatusCode::ACCEPTED, &json!({ "ids": ids, "moves": views })))
}

async fn turn(
    State(desk): App,
    Path((id, wish)): Path<(u64, String)>,
) -> Result<Response<Body>, Problem> {
    let wish = match wish.as_str() {
        "abort" => Wish::Abort,
        "rollback" => Wish::Rollback,
        "finish" => Wish::Finish,
        _ => return Err(Problem::not_found("a move can be told abort, rollback or finish")),
    };
    let record = desk.ask(async |catalog| catalog.record(id).await).await?.map_err(problem)?;
    let is_late = wish == Wish::Abort && !record.phase.is_before_switch();
    if is_late || record.ending().is_some() {
        let title = "The move is past that";
        let detail = format!("it is {}", record.phase.name());
        return Err(Problem::new(StatusCode::CONFLICT, "too-late", title, detail));
    }
    let left = desk.ask(async |catalog| catalog.leave_wish(id, Some(wish)).await).await?;
    left.map_err(problem)?;
    desk.asked.notify_one();
    Ok(answer::json(StatusCode::ACCEPTED, &move_view(&desk, &record)))
}

/// What the catalog does not allow, as an answer.
fn problem(error: CatalogError) -> Problem {
    let detail = error.to_string();
    let conflict = |kind| {
        let title = "The map does not allow that now";
        Problem::new(StatusCode::CONFLICT, kind, title, detail.clone())
    };
    match error {
        CatalogError::Plan(_) => conflict("no-plan"),
        CatalogError::OnTheMove { .. } => conflict("on-the-move"),
        CatalogError::NotOwned { .. } => conflict("not-owned"),
        CatalogError::NoMove(_) => Problem::not_found(detail),
        CatalogError::KeyReused(_) => Problem::unprocessable(detail),
        CatalogError::Sql(_)
        | CatalogError::Busy
        | CatalogError::Fenced(_)
        | CatalogError::Stale(_)
        | CatalogError::OtherSlots { .. }
        | CatalogError::NoMap
        | CatalogError::Damaged(_) => {
            tracing::info!(%error, "the catalog could not be asked");
            away("the catalog cannot be asked now")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_map_is_shown_as_ranges_in_the_order_of_slots() {
        let names = ["b", "a"].map(str::to_owned);
        let mut map = Map::even(8, &names);
        map.owners[1] = "a".to_owned();
        let view = map_view(&map);
        assert_eq!(view["shares"], json!({ "a": 5, "b": 3 }));
        let firsts: Vec<_> = view["owners"].as_array().unwrap().iter().collect();
        assert_eq!(firsts.len(), 4);
        assert_eq!(*firsts[1], json!({ "first": 1, "last": 1, "shard": "a" }));
    }

    #[test]
    fn what_the_map_does_not_allow_is_a_conflict_and_a_server_that_is_away_is_not() {
        let on_the_move = CatalogError::OnTheMove { slots: "1".to_owned(), id: 7 };
        assert_eq!(problem(on_the_move).status(), StatusCode::CONFLICT);
        assert_eq!(problem(CatalogError::NoMove(3)).status(), StatusCode::NOT_FOUND);
        assert_eq!(problem(CatalogError::Busy).status(), StatusCode::SERVICE_UNAVAILABLE);
    }
}
