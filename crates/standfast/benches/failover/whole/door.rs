//! What is sent to the door of the shop, and what its answers mean to a client.

use std::net::SocketAddr;

use serde_json::json;
use standfast_checker::Wanted;

use super::connection::Answer;
use super::promises::Told;

/// As many as its experiments sell, so that orders contend for the same rows.
const PRODUCTS: u64 = 10;
const QUANTITY_MAX: u64 = 5;

/// What a client orders, in rotation.
pub(crate) fn wanted(client: usize, place: u64) -> Wanted {
    let turn = place * 7 + client as u64;
    Wanted {
        product: format!("PROD-{:03}", 1 + turn % PRODUCTS),
        quantity: 1 + place % QUANTITY_MAX,
    }
}

/// An order as it goes over the wire, as often as it takes under the same key.
pub(crate) fn request(door: SocketAddr, key: &str, wanted: &Wanted) -> Vec<u8> {
    let Wanted { product, quantity } = wanted;
    let body = json!({ "product_id": product, "quantity": quantity, "customer": "ada" });
    let body = body.to_string();
    let length = body.len();
    format!(
        "POST /orders HTTP/1.1\r\nHost: {door}\r\nIdempotency-Key: {key}\r\n\
         Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
    )
    .into_bytes()
}

/// What an answer tells. Few words say why it is not the one that was hoped for: they are counted.
pub(crate) fn told(answer: &Answer) -> (Told, Option<String>) {
    let kind = answer.body.get("type").and_then(|kind| kind.as_str()).unwrap_or_default();
    let why = || Some(format!("{} {kind}", answer.status).trim().to_owned());
    match (answer.status, answer.body.get("order_id").and_then(|order| order.as_str())) {
        (201, Some(order)) => (Told::Made(order.to_owned()), None),
        (400..=499, _) => (Told::Declined, why()),
        // Of Nginx without a middleware; or: not now, not known yet.
        _ => (Told::Nothing, why()),
    }
}
