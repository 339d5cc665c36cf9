//! The services that a checkout asks: carts, of which any node answers for all, and inventories.
//!
//! A node that does not answer is passed over. What is asked twice has the same key, so that it is
//! done once.

use std::collections::BTreeMap;
use std::time::Duration;

use axum::http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};
use standfast_tactics::deadline::Deadline;
use tokio::time::Instant;
use uuid::Uuid;

use super::comparison::Goods;
use super::draft::Line;
use crate::service::peer::{Call, CallError, Peer, PeerAddress, PeerLimits, Response};
use crate::service::problem::Problem;

/// One node may take this long, if there is another one to ask.
const NODE_TIME_MAX: Duration = Duration::from_millis(500);

const RETRY_AFTER: Duration = Duration::from_secs(1);

const LIMITS: PeerLimits = PeerLimits { calls_max: 256, response_length_max: 256 * 1024 };

/// Whom a checkout asks.
#[derive(Debug)]
pub(in super::super) struct Partners {
    carts: Vec<Peer>,
    inventories: Vec<Peer>,
}

/// A cart as it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Cart {
    pub(super) lines: BTreeMap<String, i64>,
    /// What the reading had seen: exactly this is taken out of the cart by the order.
    pub(super) context: String,
}

/// What became of a take.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Taken {
    /// With the price of each line, and the currency.
    Done { lines: Vec<Line>, currency: String },
    /// For good: under this key nothing is taken any more.
    Refused(Value),
    /// Nobody knows.
    Unknown,
}

impl Partners {
    pub(in super::super) fn new(carts: &[PeerAddress], inventories: &[PeerAddress]) -> Self {
        let peers = |addresses: &[PeerAddress]| {
            addresses.iter().map(|address| Peer::new(address.clone(), LIMITS)).collect()
        };
        Self { carts: peers(carts), inventories: peers(inventories) }
    }

    pub(super) async fn cart(&self, cart: &str, deadline: Deadline) -> Result<Cart, Problem> {
        #[derive(Deserialize)]
        struct CartLine {
            sku: String,
            quantity: i64,
        }
        #[derive(Deserialize)]
        struct Body {
            lines: Vec<CartLine>,
            context: String,
        }
        let response = ask(&self.carts, &Call::get(format!("/carts/{cart}")), deadline).await;
        let response = response.ok_or_else(|| away("no cart node answered"))?;
        if !response.status.is_success() {
            return Err(away(&format!("the cart could not be read: {}", response.status)));
        }
        let body: Body = serde_json::from_slice(&response.body)
            .map_err(|error| away(&format!("the cart could not be read: {error}")))?;
        let lines = body.lines.into_iter().map(|line| (line.sku, line.quantity)).collect();
        Ok(Cart { lines, context: body.context })
    }

    /// The products of `skus` as they are now; those that are not sold are missing.
    pub(super) async fn goods(
        &self,
        skus: impl Iterator<Item = &String>,
        deadline: Deadline,
    ) -> Result<BTreeMap<String, Goods>, Problem> {
        #[derive(Deserialize)]
        struct Body {
            price_cents: i64,
            currency: String,
            stock: i64,
        }
        let mut goods = BTreeMap::new();
        for sku in skus {
            let call = Call::get(format!("/products/{sku}"));
            let response = ask(&self.inventories, &call, deadline).await;
            let response = response.ok_or_else(|| away("no inventory answered"))?;
            if response.status == StatusCode::NOT_FOUND {
                continue;
            }
            if !response.status.is_success() {
                return Err(away(&format!("`{sku}` could not be read: {}", response.status)));
            }
            let Body { price_cents, currency, stock } = serde_json::from_slice(&response.body)
                .map_err(|error| away(&format!("`{sku}` could not be read: {error}")))?;
            goods.insert(sku.clone(), Goods { price_cents, currency, stock });
        }
        Ok(goods)
    }

    /// Takes the stock of `lines` under `id`, all of it or nothing.
    pub(super) async fn take(&self, id: Uuid, lines: &[Line], deadline: Deadline) -> Taken {
        let body = json!({ "take_id": id, "lines": wanted(lines) }).to_string();
        let call = Call::post("/takes", body.into_bytes());
        let call = call.with_header("idempotency-key", id.to_string());
        ask(&self.inventories, &call, deadline)
            .await
            .map_or(Taken::Unknown, |answer| taken(&answer))
    }

    /// Gives back what was taken under `id`, and bars what comes later. Answers whether that is so.
    pub(super) async fn release(&self, id: Uuid, lines: &[Line], deadline: Deadline) -> bool {
        let body = json!({ "lines": wanted(lines) }).to_string();
        let call = Call::post(format!("/takes/{id}/release"), body.into_bytes());
        let answer = ask(&self.inventories, &call, deadline).await;
        answer.is_some_and(|answer| answer.status.is_success())
    }

    /// Takes out of the cart what the order had seen in it. Answers whether the cart knows.
    pub(super) async fn checked_out(
        &self,
        id: Uuid,
        cart: &str,
        context: &str,
        deadline: Deadline,
    ) -> bool {
        let body = json!({ "context": context }).to_string();
        let call = Call::post(format!("/carts/{cart}/checked-out"), body.into_bytes());
        let call = call.with_header("idempotency-key", format!("checkout-{id}"));
        let answer = ask(&self.carts, &call, deadline).await;
        answer.is_some_and(|answer| answer.status.is_success())
    }
}

/// The answer of the first of `peers` that has one: all but refusals to answer now.
async fn ask(peers: &[Peer], call: &Call, deadline: Deadline) -> Option<Response> {
    let mut last = None;
    for (place, peer) in peers.iter().enumerate() {
        let is_last = place + 1 == peers.len();
        let now = Instant::now();
        let until = if is_last { deadline } else { deadline.cap(now, NODE_TIME_MAX) };
        match peer.call(call, until).await {
            Ok(response) if !response.status.is_server_error() => return Some(response),
            Ok(response) => last = Some(response),
            Err(error @ CallError::Request(_)) => {
                tracing::error!(%error, path = call.path, "a call could not be made");
            }
            Err(error) => tracing::debug!(%error, path = call.path, "no answer"),
        }
        if deadline.has_passed(Instant::now()) {
            break;
        }
    }
    last
}

fn wanted(lines: &[Line]) -> Vec<Value> {
    let wanted = |line: &Line| json!({ "sku": line.sku, "quantity": line.quantity });
    lines.iter().map(wanted).collect()
}

/// What an answer to a take says for certain.
fn taken(answer: &Response) -> Taken {
    #[derive(Deserialize)]
    struct TakenLine {
        sku: String,
        quantity: i64,
        price_cents: i64,
        currency: String,
    }
    #[derive(Deserialize)]
    struct Body {
        lines: Vec<TakenLine>,
    }
    if answer.status.is_success() {
        let Ok(body) = serde_json::from_slice::<Body>(&answer.body) else { return Taken::Unknown };
        let currency = body.lines.first().map(|line| line.currency.clone()).unwrap_or_default();
        let line =
            |TakenLine { sku, quantity, price_cents, .. }| Line { sku, quantity, price_cents };
        return Taken::Done { lines: body.lines.into_iter().map(line).collect(), currency };
    }
    match (answer.status, serde_json::from_slice(&answer.body)) {
        (StatusCode::CONFLICT, Ok(reason)) => Taken::Refused(reason),
        _ => Taken::Unknown,
    }
}

fn away(detail: &str) -> Problem {
    Problem::unavailable(RETRY_AFTER, format!("nothing was ordered: {detail}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_the_inventory_says_for_certain_is_an_outcome() {
        let of = |status: u16, body: &'static str| {
            let status = StatusCode::from_u16(status).unwrap();
            taken(&Response { status, body: body.into() })
        };
        let line = r#"{"lines":[{"sku":"a","quantity":2,"price_cents":5,"currency":"EUR"}]}"#;
        let lines = vec![Line { sku: "a".to_owned(), quantity: 2, price_cents: 5 }];
        assert_eq!(of(201, line), Taken::Done { lines, currency: "EUR".to_owned() });
        assert_eq!(of(409, r#"{"short":[]}"#), Taken::Refused(json!({ "short": [] })));
        for (status, body) in [(201, "{"), (409, "no"), (503, "{}"), (504, "{}"), (422, "{}")] {
            assert_eq!(of(status, body), Taken::Unknown, "{status} {body}");
        }
    }
}
