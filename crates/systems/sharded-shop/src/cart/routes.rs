//! What clients may ask a node for. Every answer says by `X-Source` which node gave it.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{RawQuery, State};
use axum::http::{HeaderValue, Request, Response, StatusCode};
use axum::routing::{get, post, put};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::json;
use standfast_tactics::deadline::Deadline;
use tokio::time::Instant;

use super::super::routing::InPath;
use super::change::Change;
use super::names::{NOTE_LENGTH_MAX, Refused, checked, checked_quantity, is_name};
use super::node::{Node, NotDone};
use super::peer_routes;
use crate::service::answer;
use crate::service::idempotency::IdempotencyKey;
use crate::service::page::PageRequest;
use crate::service::problem::Problem;

/// The longest body is a context.
const BODY_LENGTH_MAX: usize = 32 << 10;

type App = State<Arc<Node>>;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Item {
    sku: String,
    quantity: i64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Quantity {
    quantity: i64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Seen {
    context: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Note {
    note: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Target {
    cart: String,
}

pub(super) fn router(node: Arc<Node>) -> Router {
    let router = Router::new()
        .route("/carts", get(page))
        .route("/carts/{cart}", get(show))
        .route("/carts/{cart}/items", post(add))
        .route("/carts/{cart}/items/{sku}", put(set).delete(remove))
        .route("/carts/{cart}/checked-out", post(check_out))
        .route("/carts/{cart}/note", put(annotate))
        .route("/carts/{cart}/merge-into", post(merge_into))
        .route("/health", get(health))
        .route("/ready", get(ready))
        .route("/metrics", get(async |State(node): App| answer::metrics(node.render())));
    answer::with_fallbacks(peer_routes::add_to(router)).with_state(node)
}

async fn show(State(node): App, InPath(cart): InPath<String>) -> Response<Body> {
    let shown = checked("cart", cart)
        .map(|cart| answer::json(StatusCode::OK, &node.state().carts.show(&cart)));
    respond(&node, "show", shown)
}

async fn page(State(node): App, RawQuery(query): RawQuery) -> Response<Body> {
    let cart = |text: &str| is_name(text).then(|| text.to_owned());
    let page = PageRequest::parse(query.as_deref(), cart).map(|page| {
        let view = node.state().carts.page(&page.after, page.limit as usize);
        answer::json(StatusCode::OK, &view)
    });
    respond(&node, "page", page)
}

async fn add(
    State(node): App,
    InPath(cart): InPath<String>,
    request: Request<Body>,
) -> Response<Body> {
    let change = |item: Item| {
        let (cart, sku) = (checked("cart", cart)?, checked("sku", item.sku)?);
        let units = checked_quantity(item.quantity, 1)?;
        Ok(Change::Add { cart, sku, units })
    };
    let result = written(&node, request, StatusCode::CREATED, change).await;
    respond(&node, "add", result)
}

async fn set(
    State(node): App,
    InPath((cart, sku)): InPath<(String, String)>,
    request: Request<Body>,
) -> Response<Body> {
    let change = |body: Quantity| {
        let (cart, sku) = (checked("cart", cart)?, checked("sku", sku)?);
        let units = checked_quantity(body.quantity, 0)?;
        Ok(Change::Set { cart, sku, units })
    };
    let result = written(&node, request, StatusCode::OK, change).await;
    respond(&node, "set", result)
}

async fn remove(
    State(node): App,
    InPath((cart, sku)): InPath<(String, String)>,
    request: Request<Body>,
) -> Response<Body> {
    let result = async {
        let asked = Asked::read(&node, request).await?;
        let (cart, sku) = (checked("cart", cart)?, checked("sku", sku)?);
        asked.perform(&node, StatusCode::OK, &Change::Set { cart, sku, units: 0 }).await
    };
    let result = result.await;
    respond(&node, "remove", result)
}

async fn check_out(
    State(node): App,
    InPath(cart): InPath<String>,
    request: Request<Body>,
) -> Response<Body> {
    let change = |seen: Seen| {
        let cart = checked("cart", cart)?;
        let context = seen.context.parse().map_err(|error: super::context::BadContext| {
            Problem::unprocessable(error.to_string())
        })?;
        Ok(Change::CheckOut { cart, context })
    };
    let result = written(&node, request, StatusCode::OK, change).await;
    respond(&node, "check_out", result)
}

async fn annotate(
    State(node): App,
    InPath(cart): InPath<String>,
    request: Request<Body>,
) -> Response<Body> {
    let change = |Note { note }| match note.len() {
        0..=NOTE_LENGTH_MAX => Ok(Change::Annotate { cart: checked("cart", cart)?, note }),
        _ => {
            let detail = format!("`note` may have {NOTE_LENGTH_MAX} bytes");
            Err(Problem::unprocessable(detail))
        }
    };
    let result = written(&node, request, StatusCode::OK, change).await;
    respond(&node, "annotate", result)
}

async fn merge_into(
    State(node): App,
    InPath(cart): InPath<String>,
    request: Request<Body>,
) -> Response<Body> {
    let change = |target: Target| {
        let (from, into) = (checked("cart", cart)?, checked("cart", target.cart)?);
        Ok(Change::MergeInto { from, into })
    };
    let result = written(&node, request, StatusCode::OK, change).await;
    respond(&node, "merge_into", result)
}

async fn health(State(node): App) -> Response<Body> {
    let carts = node.state().carts.held.len();
    let body = json!({ "status": "ok", "node": node.settings.name, "carts": carts });
    answer::json(StatusCode::OK, &body)
}

/// Nobody else has to be there: a node alone is a cart service.
async fn ready(State(node): App) -> Response<Body> {
    answer::ready(!node.journal.is_broken(), "the log cannot be written")
}

/// A write as it came.
struct Asked {
    body: axum::body::Bytes,
    key: Option<IdempotencyKey>,
    deadline: Deadline,
}

impl Asked {
    async fn read(node: &Node, request: Request<Body>) -> Result<Self, Problem> {
        let (parts, body) = request.into_parts();
        let budget = node.settings.request_budget;
        let deadline = answer::deadline_of(&parts.headers, Instant::now(), budget)?;
        let body = answer::body(body, BODY_LENGTH_MAX, deadline).await?;
        let (method, path) = (parts.method.as_str(), parts.uri.path());
        let key = IdempotencyKey::of_request(&parts.headers, method, path, &body)?;
        Ok(Self { body, key, deadline })
    }

    fn json<T: DeserializeOwned>(&self) -> Result<T, Problem> {
        serde_json::from_slice(&self.body).map_err(|error| Problem::bad_request(error.to_string()))
    }

    async fn perform(
        self,
        node: &Node,
        status: StatusCode,
        change: &Change,
    ) -> Result<Response<Body>, Problem> {
        match node.change(change, self.key, self.deadline).await {
            Ok(body) => Ok(answer::raw_json(status, body)),
            Err(NotDone::Problem(problem)) => Err(problem),
            Err(NotDone::Refused(refused)) => Err(problem(&refused)),
        }
    }
}

/// Reads a write, makes the change that it asks for, and answers.
async fn written<T: DeserializeOwned>(
    node: &Node,
    request: Request<Body>,
    status: StatusCode,
    change: impl FnOnce(T) -> Result<Change, Problem>,
) -> Result<Response<Body>, Problem> {
    let asked = Asked::read(node, request).await?;
    let change = change(asked.json()?)?;
    asked.perform(node, status, &change).await
}

fn problem(refused: &Refused) -> Problem {
    let detail = refused.to_string();
    match refused {
        Refused::TooManyCarts => {
            let title = "There is no room for another cart";
            Problem::new(StatusCode::INSUFFICIENT_STORAGE, "full", title, detail)
        }
        Refused::ForeignContext => Problem::unprocessable(detail),
        Refused::CartFull
        | Refused::LineFull
        | Refused::TooManyWriters
        | Refused::Merged { .. }
        | Refused::NotMergeable { .. } => {
            let title = "The cart does not allow this";
            Problem::new(StatusCode::CONFLICT, "conflict", title, detail)
        }
    }
}

fn respond(
    node: &Node,
    operation: &'static str,
    result: Result<Response<Body>, Problem>,
) -> Response<Body> {
    let mut response = answer::counted(result, |outcome| node.metrics.answered(operation, outcome));
    // A name that no header may hold has none; the answer is good all the same.
    if let Ok(name) = HeaderValue::try_from(&node.settings.name) {
        response.headers_mut().insert("x-source", name);
    }
    response
}
