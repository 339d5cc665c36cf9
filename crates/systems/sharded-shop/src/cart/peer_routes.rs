//! What nodes ask each other for: to take over changes, to compare, to exchange what differs.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::{Request, Response, StatusCode};
use axum::routing::post;
use serde::de::DeserializeOwned;
use standfast_tactics::anti_entropy::Message;
use standfast_tactics::deadline::Deadline;
use tokio::time::Instant;

use super::content::Deltas;
use super::names::is_name;
use super::node::Node;
use super::reconciling::{Compared, Exchange};
use crate::service::answer;
use crate::service::problem::Problem;

/// 64 carts that three nodes filled, each as far as it may.
pub(super) const MESSAGE_LENGTH_MAX: usize = 16 << 20;

/// Carts in one message.
const CARTS_MAX: usize = 256;

type App = State<Arc<Node>>;

/// Adds them to the routes of clients.
pub(super) fn add_to(router: Router<Arc<Node>>) -> Router<Arc<Node>> {
    router
        .route("/peers/changes", post(changes))
        .route("/peers/digests", post(digests))
        .route("/peers/carts", post(carts))
}

async fn changes(State(node): App, request: Request<Body>) -> Response<Body> {
    let result = async {
        let (deltas, deadline) = read::<Deltas>(&node, request).await?;
        node.merge(named(deltas)?, "told", deadline).await?;
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::NO_CONTENT;
        Ok(response)
    };
    answer::counted(result.await, |outcome| node.metrics.answered("peer_changes", outcome))
}

async fn digests(State(node): App, request: Request<Body>) -> Response<Body> {
    let result = async {
        let (message, _) = read::<Message<String>>(&node, request).await?;
        let compared = node.state().carts.compare(&message);
        let compared = compared.map_err(|error| Problem::unprocessable(error.to_string()))?;
        let compared = Compared { reply: compared.reply, repair: compared.repair };
        Ok(answer::json(StatusCode::OK, &compared))
    };
    answer::counted(result.await, |outcome| node.metrics.answered("peer_digests", outcome))
}

async fn carts(State(node): App, request: Request<Body>) -> Response<Body> {
    let result = async {
        let (exchange, deadline) = read::<Exchange>(&node, request).await?;
        if exchange.wanted.len() > CARTS_MAX {
            return Err(Problem::unprocessable(format!("a message may name {CARTS_MAX} carts")));
        }
        node.merge(named(exchange.carts)?, "reconciled", deadline).await?;
        let held = node.state().carts.pick(&exchange.wanted);
        Ok(answer::json(StatusCode::OK, &held))
    };
    answer::counted(result.await, |outcome| node.metrics.answered("peer_carts", outcome))
}

async fn read<T: DeserializeOwned>(
    node: &Node,
    request: Request<Body>,
) -> Result<(T, Deadline), Problem> {
    let (parts, body) = request.into_parts();
    let budget = node.settings.request_budget;
    let deadline = answer::deadline_of(&parts.headers, Instant::now(), budget)?;
    let body = answer::body(body, MESSAGE_LENGTH_MAX, deadline).await?;
    let value = serde_json::from_slice(&body);
    Ok((value.map_err(|error| Problem::bad_request(error.to_string()))?, deadline))
}

/// Carts whose names could not have come from a node are none of a node's.
fn named(deltas: Deltas) -> Result<Deltas, Problem> {
    if deltas.len() > CARTS_MAX || !deltas.keys().all(|cart| is_name(cart)) {
        return Err(Problem::unprocessable("too many carts, or one with a name that none has"));
    }
    Ok(deltas)
}
