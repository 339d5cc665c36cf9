//! The HTTP surface of the cashier.

use std::sync::Arc;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Path, RawQuery, State};
use axum::http::{HeaderMap, Request, Response, StatusCode};
use axum::response::IntoResponse;
use axum::routing::{get, post};
use serde::de::DeserializeOwned;
use serde_json::json;
use standfast_tactics::deadline::Deadline;
use tokio::time::Instant;
use uuid::Uuid;

use super::desk::Desk;
use super::ledger;
use super::stats;
use crate::service::answer;
use crate::service::idempotency::IdempotencyKey;
use crate::service::problem::Problem;

/// A year of nights fits.
const BODY_LENGTH_MAX: usize = 8 * 1024;

/// Rows on one page, unless less is asked for.
const LIMIT_MAX: i64 = 1000;

type App = State<Arc<Desk>>;

pub(super) fn router(desk: Arc<Desk>) -> Router {
    let router = Router::new()
        .route("/charges", post(charge).get(page))
        .route("/charges/{reservation}", get(show))
        .route("/refunds", post(refund))
        .route("/accounts/{account}", get(accounts))
        .route("/votes", get(votes))
        .route("/health", get(answer::health))
        .route("/ready", get(ready))
        .route("/metrics", get(metrics));
    answer::with_fallbacks(router).with_state(desk)
}

/// A request with a body, as it was read.
struct Asked<T> {
    wanted: T,
    key: Option<IdempotencyKey>,
    deadline: Deadline,
}

async fn read<T: DeserializeOwned>(
    desk: &Desk,
    request: Request<Body>,
) -> Result<Asked<T>, Problem> {
    let (parts, body) = request.into_parts();
    let deadline = deadline(desk, &parts.headers)?;
    let body: Bytes = answer::body(body, BODY_LENGTH_MAX, deadline).await?;
    let (method, path) = (parts.method.as_str(), parts.uri.path());
    let key = IdempotencyKey::of_request(&parts.headers, method, path, &body)?;
    let wanted = serde_json::from_slice(&body).map_err(|error| {
        let text = error.to_string();
        if error.is_data() { Problem::unprocessable(text) } else { Problem::bad_request(text) }
    })?;
    Ok(Asked { wanted, key, deadline })
}

fn deadline(desk: &Desk, headers: &HeaderMap) -> Result<Deadline, Problem> {
    answer::deadline_of(headers, Instant::now(), desk.collector.settings.request_budget)
}

async fn charge(State(desk): App, request: Request<Body>) -> Response<Body> {
    let charged = async {
        let Asked { wanted, key, deadline } = read(&desk, request).await?;
        let key = key.as_ref().map(|key| key.key.as_str());
        desk.charge(wanted, key, deadline).await
    };
    match charged.await {
        Ok(answer) => answer::json(StatusCode::OK, &answer),
        Err(problem) => problem.into_response(),
    }
}

async fn refund(State(desk): App, request: Request<Body>) -> Response<Body> {
    let refunded = async {
        let Asked { wanted, key, deadline } = read(&desk, request).await?;
        let key = key.as_ref().map(|key| key.key.as_str());
        desk.refund(wanted, key, deadline).await
    };
    match refunded.await {
        Ok(answer) => answer::json(StatusCode::OK, &answer),
        Err(problem) => problem.into_response(),
    }
}

async fn page(State(desk): App, RawQuery(query): RawQuery, headers: HeaderMap) -> Response<Body> {
    let listed = async {
        let (mut after, mut limit) = (Uuid::nil(), LIMIT_MAX);
        for pair in query.as_deref().unwrap_or_default().split('&').filter(|pair| !pair.is_empty())
        {
            let wrong = || Problem::unprocessable(format!("`{pair}` is no part of this query"));
            match pair.split_once('=').ok_or_else(wrong)? {
                ("after", id) => after = id.parse().map_err(|_| wrong())?,
                ("limit", number) => limit = number.parse().map_err(|_| wrong())?,
                _ => return Err(wrong()),
            }
        }
        if !(1..=LIMIT_MAX).contains(&limit) {
            return Err(Problem::unprocessable(format!("`limit` is 1 to {LIMIT_MAX}")));
        }
        let rows = ledger::page(&desk.database, after, limit, deadline(&desk, &headers)?).await?;
        let is_full = i64::try_from(rows.len()).is_ok_and(|rows| rows == limit);
        let next = rows.last().filter(|_| is_full).map(|last| last.charge_id);
        Ok(answer::json(StatusCode::OK, &json!({ "charges": rows, "next_after": next })))
    };
    listed.await.unwrap_or_else(IntoResponse::into_response)
}

/// What there is of one reservation, with the statements that it rests on.
async fn show(State(desk): App, Path(id): Path<String>, headers: HeaderMap) -> Response<Body> {
    let shown = async {
        let wrong = |_| Problem::unprocessable("a reservation is named by its UUID");
        let id: Uuid = id.parse().map_err(wrong)?;
        let found = ledger::find(&desk.database, id, deadline(&desk, &headers)?).await?;
        if found.is_empty() {
            return Err(Problem::not_found("nothing was charged for this reservation"));
        }
        let rows: Vec<_> = found
            .iter()
            .map(|row| {
                json!({
                    "charge_id": row.kept.charge_id, "kind": row.kind, "amount": row.kept.amount,
                    "quote_digest": row.quote_digest, "statements": row.statements,
                })
            })
            .collect();
        Ok(answer::json(StatusCode::OK, &json!({ "reservation_id": id, "charges": rows })))
    };
    shown.await.unwrap_or_else(IntoResponse::into_response)
}

/// What went to `customers` or to the `house`, less what went from them: a line for each currency.
async fn accounts(
    State(desk): App,
    Path(account): Path<String>,
    headers: HeaderMap,
) -> Response<Body> {
    let balances = async {
        let deadline = deadline(&desk, &headers)?;
        let balances = ledger::balances(&desk.database, &account, deadline).await?;
        if balances.is_empty() {
            return Err(Problem::not_found("the accounts are `customers` and `house`"));
        }
        Ok(answer::json(StatusCode::OK, &json!({ "account": account, "balances": balances })))
    };
    balances.await.unwrap_or_else(IntoResponse::into_response)
}

async fn votes(State(desk): App) -> Response<Body> {
    answer::json(StatusCode::OK, &stats::votes(&desk.collector))
}

async fn ready(State(desk): App) -> Response<Body> {
    let awaited = "the ledger is away, or too few replicas are known by their keys";
    answer::ready(desk.is_ready(), awaited)
}

async fn metrics(State(desk): App) -> Response<Body> {
    answer::metrics(stats::metrics(&desk.collector, desk.database.is_there()))
}
